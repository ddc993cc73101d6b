//! The section of the samples: of each run its grid, how it was sampled, of which class the columns are, and its film.

use std::fmt::Write;

use super::escape::{breakable, escaped};
use super::pictures::{Packed, PackedRun};
use super::reported_run::ReportedRun;
use super::shown::{SampleClasses, Shown};

/// Letters of a class's name that stand above a column.
const SHORT: usize = 4;
/// A picture's height at most, in the page's letters.
const HIGHEST: f64 = 26.0;

pub fn html(runs: &[ReportedRun], shown: &[Result<Shown, String>], pictures: &[PackedRun]) -> String {
    let mut html = String::from("<div class=\"samples\">\n");
    for ((run, shown), pictures) in runs.iter().zip(shown).zip(pictures) {
        html += "<div>";
        if runs.len() > 1 {
            let _ = writeln!(html, "<h3>{}</h3>", breakable(&run.name));
        }
        match shown {
            Err(why) => {
                let _ = writeln!(html, "<p class=\"note\">{}</p>", escaped(why));
            }
            Ok(shown) => html += &of_run((&run.name, run.config.trains_autoencoder()), shown, pictures),
        }
        html += "</div>\n";
    }
    html + "</div>"
}

/// A run by its name; `encodes`: it trained an autoencoder.
fn of_run((name, encodes): (&str, bool), shown: &Shown, pictures: &PackedRun) -> String {
    let title = capitalized(&shown.what);
    let mut words = shown.how.as_ref().map_or(String::new(), |how| capitalized(how) + ". ");
    let labels = match &shown.classes {
        SampleClasses::None => None,
        SampleClasses::Words(classes) => {
            words += classes;
            None
        }
        SampleClasses::Columns(names) if names.iter().all(|name| name.chars().count() <= SHORT) => Some(names),
        SampleClasses::Columns(names) => {
            words += &format!("Each column is a class; from the left: {}.", names.join(", "));
            None
        }
    };
    let mut html = String::from("<div class=\"grid2\">\n");
    if let Some(grid) = &pictures.grid {
        html += &figure(grid, "picture", (&title, &words), &format!("{name}: {}", shown.what), labels);
    }
    if let Some(film) = &pictures.film {
        let turns = if matches!(shown.classes, SampleClasses::Columns(_)) {
            " The classes come in turn, row by row."
        } else {
            ""
        };
        let words = format!("x_t on the left, x̂_0 on the right.{turns}");
        html += &figure(film, "picture film", ("On their way from noise", &words), &format!("{name}: a film"), None);
    }
    if encodes {
        html += "<p class=\"note\">Training pictures, and below each what the autoencoder gives back of it.</p>\n";
    } else if shown.film.is_none() {
        html += "<p class=\"note\">A preview has no film, and doesn't keep how it was sampled; a report of a run with a \
                 checkpoint draws samples with a film unless it is told not to.</p>\n";
    }
    html + "</div>\n"
}

/// As wide as its column, and no higher than a screen.
fn figure(
    picture: &Packed,
    class: &str,
    (title, words): (&str, &str),
    alt: &str,
    labels: Option<&Vec<String>>,
) -> String {
    let Packed { uri, size: (width, height) } = picture;
    let widest = HIGHEST * f64::from(*width) / f64::from((*height).max(1));
    let labels = labels.map_or(String::new(), |names| {
        let names: String = names.iter().map(|name| format!("<span>{}</span>", escaped(name))).collect();
        format!("<div class=\"labels\">{names}</div>")
    });
    let words =
        if words.is_empty() { String::new() } else { format!("<p class=\"note\">{}</p>", escaped(words.trim())) };
    format!(
        "<figure class=\"{class}\"><figcaption>{}</figcaption>{words}<div class=\"sheet\" style=\"width:min(100%,{widest:.1}rem)\">{labels}<img alt=\"{}\" \
         width=\"{width}\" height=\"{height}\" src=\"{uri}\"></div></figure>\n",
        escaped(title),
        escaped(alt)
    )
}

fn capitalized(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(classes: SampleClasses) -> Shown {
        Shown {
            grid: "grid.png".into(),
            film: Some("film.gif".into()),
            what: "snapshot of step 7".into(),
            how: Some("4 samples by ddim in 5 steps, seed 0".into()),
            classes,
        }
    }

    fn pictures() -> PackedRun {
        let picture = || Some(Packed { uri: "data:image/png;base64,".into(), size: (100, 50) });
        PackedRun { grid: picture(), film: picture() }
    }

    #[test]
    fn short_names_stand_above_their_columns_and_long_ones_in_words() {
        let columns =
            |names: &[&str]| shown(SampleClasses::Columns(names.iter().map(|name| name.to_string()).collect()));
        let html = of_run(("a", false), &columns(&["0", "<b>"]), &pictures());
        assert!(html.contains("<div class=\"labels\"><span>0</span><span>&lt;b&gt;</span></div><img"), "{html}");
        assert!(
            html.contains("<figcaption>Snapshot of step 7</figcaption><p class=\"note\">4 samples by ddim"),
            "{html}"
        );
        assert!(html.contains("The classes come in turn, row by row."), "{html}");
        let html = of_run(("a", false), &columns(&["trousers", "<b>"]), &pictures());
        assert!(
            html.contains("Each column is a class; from the left: trousers, &lt;b&gt;.") && !html.contains("labels")
        );
        let html = of_run(("a", false), &shown(SampleClasses::None), &pictures());
        assert!(!html.contains("class;") && html.contains("width:min(100%,52.0rem)"), "{html}");
    }
}
