//! What of a run is handed on, with the real program: its model card, its logs for other programs, its report.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use tempfile::TempDir;

/// Short and small.
const SMALL: [&str; 9] = [
    "--set=model.block_out_channels=8",
    "--set=model.norm_num_groups=4",
    "--set=model.attention_levels=[]",
    "--set=model.mid_attention=false",
    "--set=train.batch_size=8",
    "--set=train.timestep_loss_every=2",
    "--set=sample.steps=4",
    "--threads=1",
    "--no-tui",
];

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn difflab(root: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_difflab")).current_dir(root).env("HOME", root).args(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs it, and it works; what it printed.
fn works(root: &Path, args: &[&str]) -> String {
    let output = difflab(root, args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Trains on a bundled config or a folder.
fn trains(root: &Path, word: &str, run: &str, more: &[&str]) -> String {
    let output = difflab(root, &[&[word, "--run", run], &SMALL[..], more].concat());
    assert_eq!(output.status.code(), Some(0), "{word}: {}", stderr(&output));
    stderr(&output)
}

/// Two classes of pictures, one with a name that is code in a web page.
fn pictures(root: &Path) {
    for (class, value) in [("<script>alert(1)</script>".replace('/', "_"), 40), ("cat".into(), 200)] {
        let dir = root.join("own").join(class);
        fs::create_dir_all(&dir).unwrap();
        for i in 0..12u8 {
            RgbImage::from_fn(16, 16, |x, y| Rgb([value, (x * 8) as u8 + i, (y * 8) as u8]))
                .save(dir.join(format!("{i}.png")))
                .unwrap();
        }
    }
}

#[test]
fn a_data_card_goes_from_the_data_into_the_run_and_its_readme() {
    let root = folder();
    let root = root.path();
    pictures(root);
    let beside = root.join("own/data-card.toml");
    fs::write(&beside, "orgin = \"a camera\"\n").unwrap();
    let refused = difflab(root, &[&["own", "--run", "run", "--steps=1"], &SMALL[..]].concat());
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("data-card.toml:1: unknown key `orgin`; did you mean `origin`?"),
        "{}",
        stderr(&refused)
    );
    assert!(!root.join("run").exists());

    fs::write(&beside, "origin = \"a camera\"\nsector = \"none\"\n").unwrap();
    trains(root, "own", "run", &["--steps=1"]);
    let readme = || fs::read_to_string(root.join("run/README.md")).unwrap();
    assert!(readme().contains("- **Origin**: a camera\n"), "{}", readme());
    assert!(readme().contains("- **Licence**: **to be filled in** (`licence`"), "{}", readme());
    // The run's copy is the run's.
    fs::remove_file(&beside).unwrap();
    let card = works(root, &["card", "run"]);
    assert!(card.contains("origin        a camera") && card.contains("Open: intended_use, "), "{card}");
    fs::write(root.join("run/data-card.toml"), "origin = \"a camera\"\nlicence = \"CC0\"\n").unwrap();
    works(root, &["card", "run", "--write"]);
    assert!(readme().contains("- **Licence**: CC0\n") && readme().contains("## Use\n"), "{}", readme());
    works(root, &["card", "run", "--fill-in"]);
    let filled = fs::read_to_string(root.join("run/data-card.toml")).unwrap();
    assert!(filled.contains("licence = \"CC0\"\n") && filled.contains("# consent = \"\"\n"), "{filled}");
    works(root, &["export", "run", "exported"]);
    assert!(fs::read_to_string(root.join("exported/README.md")).unwrap().contains("- **Licence**: CC0\n"));
    let json: serde_json::Value = serde_json::from_str(&works(root, &["card", "run", "--format=json"])).unwrap();
    assert_eq!(json["parts"].as_array().unwrap().len(), 6);
    // A broken one is told by the command, and doesn't keep a run from going on.
    fs::write(root.join("run/data-card.toml"), "licence = 3\n").unwrap();
    let told = difflab(root, &["card", "run"]);
    assert!(
        told.status.code() == Some(2) && stderr(&told).contains("`licence` must be text in quotes"),
        "{}",
        stderr(&told)
    );
    works(root, &["--resume", "run", "--steps=2", "--no-tui"]);
    assert!(readme().contains("The data card could not be read: "), "{}", readme());
}

#[test]
fn logs_are_written_live_and_afterwards_for_other_programs() {
    let root = folder();
    let root = root.path();
    let logged =
        ["--steps=6", "--set=train.tensorboard=true", "--set=train.checkpoint_every=3", "--set=train.eval_every=3"];
    trains(root, "mnist-quick", "run", &logged);
    let files = |dir: &str| -> Vec<String> {
        let entries = fs::read_dir(root.join(dir)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert!(files("run/tensorboard").len() == 1 && files("run/tensorboard")[0].starts_with("events.out.tfevents."));
    works(root, &["--resume", "run", "--steps=8", "--no-tui"]);
    // A session, a file; the rest is the reader's to say: tests/parity/logs.py.
    assert_eq!(files("run/tensorboard").len(), 2);
    works(root, &["export-logs", "run", "--tensorboard", "logs/a", "--csv", "a.csv"]);
    assert_eq!(files("logs/a").len(), 1);
    let table = fs::read_to_string(root.join("a.csv")).unwrap();
    assert!(table.starts_with("step,epoch,loss,") && table.lines().count() == 9, "{table}");
    assert!(table.lines().next().unwrap().ends_with(",loss_t_q0,loss_t_q1,loss_t_q2,loss_t_q3"), "{table}");
    for (args, named) in [
        (&["export-logs", "run"][..], "--tensorboard"),
        (&["export-logs", "run", "--tensorboard", "logs/a"], "steps would stand twice"),
        (&["export-logs", "run", "--csv", "a.txt"], "must end in .csv"),
    ] {
        let refused = difflab(root, args);
        assert!(refused.status.code() == Some(2) && stderr(&refused).contains(named), "{args:?}: {}", stderr(&refused));
    }
}

/// What a page names that lies elsewhere.
fn fetched(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    for start in ["src=\"", "href=\"", "url(", "@import", "action=\"", "srcset=\""] {
        for (at, _) in html.match_indices(start) {
            let rest: String = html[at + start.len()..].chars().take(40).collect();
            if !rest.starts_with("data:image/") && !rest.starts_with('#') {
                found.push(format!("{start}{rest}"));
            }
        }
    }
    found
}

/// The text of the element that holds a section.
fn section<'a>(html: &'a str, id: &str) -> &'a str {
    let start = html.find(&format!("<section id=\"{id}\">")).unwrap_or_else(|| panic!("no section {id}"));
    &html[start..start + html[start..].find("</section>").unwrap()]
}

/// Two runs, of a bundled set and of a folder with a class that is code, and a note that is.
fn two_runs(root: &Path) {
    pictures(root);
    trains(root, "own", "own-run", &["--steps=12", "--set=train.eval_every=4", "--set=model.class_conditional=true"]);
    works(root, &["runs", "note", "own-run", "<img src=x onerror=alert(1)>"]);
    trains(root, "two-moons", "moons", &["--steps=12", "--set=train.eval_every=4", "--set=preview.snapshot_every=12"]);
}

#[test]
fn a_report_has_everything_in_it_and_nothing_out_of_a_file_is_markup() {
    let root = folder();
    let root = root.path();
    two_runs(root);
    let before = fs::read_dir(root.join("own-run")).unwrap().count();
    let output = difflab(root, &["report", "own-run", "-o", "one.html"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("which has no snapshot"), "{}", stderr(&output));
    assert_eq!(fs::read_dir(root.join("own-run")).unwrap().count(), before, "the run is left as it is");
    let one = fs::read_to_string(root.join("one.html")).unwrap();
    for (id, charts) in [("loss", 3), ("by-t", 1), ("schedule", 2)] {
        let section = section(&one, id);
        assert_eq!(section.matches("<figure class=\"chart\">").count(), charts, "{id}");
        assert_eq!(section.matches("<svg ").count(), charts, "{id}");
    }
    assert!(section(&one, "samples").contains("data:image/png;base64,"));
    assert!(section(&one, "samples").contains("data:image/gif;base64,"));
    assert!(section(&one, "evaluation").contains("difflab eval own-run --format json &gt; own-run/eval.json"));
    assert!(section(&one, "config").contains("<th>batch_size</th><td>8</td>"));
    let card = section(&one, "card");
    assert!(
        card.contains("Responsible release") && card.contains("to be filled in") && card.contains("Medical imaging")
    );

    // What an evaluation has printed is shown.
    fs::write(
        root.join("own-run/eval.json"),
        works(root, &["eval", "own-run", "--metrics=vlb", "--vlb-images=1", "--format=json"]),
    )
    .unwrap();
    works(root, &["report", "own-run", "moons", "-o", "both.html"]);
    let both = fs::read_to_string(root.join("both.html")).unwrap();
    assert!(
        section(&both, "evaluation").contains("variational bound") && section(&both, "evaluation").contains("bits/dim")
    );
    assert!(section(&both, "evaluation").contains("moons was not measured"));
    assert!(section(&both, "config").contains("<code>data.dataset</code>"));
    assert!(!section(&both, "config").contains("batch_size"), "what is the same is not told");
    assert_eq!(section(&both, "schedule").matches("<svg ").count(), 3);
    for html in [&one, &both] {
        assert!(html.len() < 5_000_000, "{}", html.len());
        assert_eq!(fetched(html), [""; 0]);
        // The page's own script, and one of numbers a chart.
        let scripts = html.matches("<script").count();
        assert_eq!(scripts, 1 + html.matches("<script type=\"application/json\">").count());
        assert_eq!(scripts, 1 + html.matches("<figure class=\"chart\">").count());
        assert!(!html.contains("<img src=x") && html.contains("&lt;img src=x onerror=alert(1)&gt;"));
        assert!(html.contains("&lt;script&gt;alert(1)") && html.contains("width=device-width"));
        assert!(html.contains("default-src 'none'"));
    }

    // How the samples were made, and where what is in the files can't be read.
    assert!(section(&one, "samples").contains("in 4 steps, guidance_scale w = "), "{}", section(&one, "samples"));
    assert!(section(&one, "samples").contains("Each column is a class; from the left: &lt;script&gt;"));
    assert!(section(&one, "runs").contains("<th>state</th><td>finished</td>"));
    let metrics = root.join("moons/metrics.jsonl");
    let lines = fs::read_to_string(&metrics).unwrap();
    fs::write(&metrics, lines.replacen('\n', "\ngarbage\n", 3) + "{\"step\": 99, \"ep").unwrap();
    fs::write(root.join("moons/eval.json"), "{\"x\": null}").unwrap();
    let doubted = difflab(root, &["report", "moons", "-o", "moons.html"]);
    let words = "moons/metrics.jsonl: 3 lines can't be read, the first is line 2: they are left out";
    assert!(doubted.status.success() && stderr(&doubted).contains(words), "{}", stderr(&doubted));
    let html = fs::read_to_string(root.join("moons.html")).unwrap();
    assert!(html.contains("3 lines can&#39;t be read") && section(&html, "runs").contains("12 of 12"));
    assert!(
        section(&html, "evaluation").contains("moons/eval.json has none of the numbers that <code>difflab eval</code>")
    );
    let exported = difflab(root, &["export-logs", "moons", "--csv", "moons.csv"]);
    assert!(exported.status.success() && stderr(&exported).contains(words), "{}", stderr(&exported));
    assert_eq!(fs::read_to_string(root.join("moons.csv")).unwrap().lines().count(), 13);

    // Many runs are rows, and none of their words breaks.
    for i in 0..4 {
        let (from, to) = (root.join("own-run"), root.join(format!("another_long_name-{i}")));
        fs::create_dir(&to).unwrap();
        for file in ["config.toml", "metrics.jsonl", "README.md"] {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
    let others = ["0", "1", "2", "3"].map(|i| format!("another_long_name-{i}"));
    let named: Vec<&str> = others.iter().map(String::as_str).collect();
    works(root, &[&["report", "own-run", "moons", "-o", "many.html", "--no-drawing"][..], &named].concat());
    let many = fs::read_to_string(root.join("many.html")).unwrap();
    assert!(many.contains("<h1>6 runs</h1>") && section(&many, "runs").contains("<table class=\"by-row\">"));
    assert!(section(&many, "runs").contains("another_<wbr>long_<wbr>name-3"), "{}", section(&many, "runs"));

    // A file that is no report is not replaced in silence; a report is.
    fs::write(root.join("thesis.html"), "mine").unwrap();
    let replaced = difflab(root, &["report", "moons", "-o", "thesis.html", "--no-drawing"]);
    assert!(stderr(&replaced).contains("no report of difflab's: it has been replaced"), "{}", stderr(&replaced));
    let again = difflab(root, &["report", "moons", "-o", "thesis.html", "--no-drawing"]);
    assert!(!stderr(&again).contains("replaced"), "{}", stderr(&again));
    let refused = difflab(root, &["report", "moons", "-o", "report.pdf"]);
    assert!(refused.status.code() == Some(2) && stderr(&refused).contains(".html"), "{}", stderr(&refused));
}

/// Looks at a report with Chromium, where it is installed (`chromium`): `cargo test --release --test reports -- --ignored`.
/// DIFFLAB_PICTURES names a folder for the pictures.
#[test]
#[ignore = "needs Chromium"]
fn a_browser_shows_a_report_without_an_error_on_a_phone_in_the_dark_on_paper_and_without_scripts() {
    let root = folder();
    let root = root.path();
    two_runs(root);
    works(root, &["report", "own-run", "moons", "-o", "both.html"]);
    works(root, &["report", "own-run", "-o", "one.html"]);
    let out = std::env::var_os("DIFFLAB_PICTURES").map_or_else(|| root.to_path_buf(), Into::into);
    let chromium = |args: &[&str], page: &Path| -> (String, String) {
        let output = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--hide-scrollbars"])
            .args(args)
            .arg(format!("file://{}", page.display()))
            .output()
            .expect("chromium starts");
        (String::from_utf8_lossy(&output.stdout).into_owned(), stderr(&output))
    };
    for name in ["one", "both"] {
        let page = root.join(format!("{name}.html"));
        let picture = |kind: &str| out.join(format!("{name}-{kind}.png"));
        for (kind, args) in [
            ("desktop", &["--window-size=1280,4200"][..]),
            ("dark", &["--window-size=1280,4200", "--blink-settings=preferredColorScheme=0"]),
        ] {
            let shot = format!("--screenshot={}", picture(kind).display());
            let (_, said) = chromium(&[args, &[&shot]].concat(), &page);
            assert!(!said.contains("CONSOLE"), "{name} {kind}: {said}");
            let seen = image::open(picture(kind)).unwrap().into_rgb8();
            let paper = seen.get_pixel(2, 2).0;
            assert_eq!(paper[0] < 60, kind == "dark", "{name} {kind}: {paper:?}");
        }
        let html = fs::read_to_string(&page).unwrap();
        // Without scripts: the browser is told to run none.
        let allowed = html.find("script-src 'sha256-").unwrap();
        let end = allowed + html[allowed..].find('"').unwrap();
        let still = root.join("still.html");
        fs::write(&still, format!("{}script-src 'none'{}", &html[..allowed], &html[end..])).unwrap();
        let shot = format!("--screenshot={}", picture("no-script").display());
        let (_, said) = chromium(&["--window-size=1280,4200", &shot], &still);
        assert!(said.matches("CONSOLE").count() == 1 && said.contains("Content Security Policy"), "{said}");
        // A window is no narrower than 500 pixels, a frame is.
        let phone = root.join("phone.html");
        let frame = |page: &str| {
            format!("<body style='margin:0'><iframe style='border:0' width=375 height=6900 src='{page}'></iframe>")
        };
        fs::write(&phone, frame(&format!("{name}.html"))).unwrap();
        let shot = format!("--screenshot={}", picture("phone").display());
        let (_, said) = chromium(&["--window-size=500,6900", &shot], &phone);
        assert!(!said.contains("CONSOLE"), "{name} phone: {said}");
        let pdf = out.join(format!("{name}.pdf"));
        let (_, said) = chromium(&[&format!("--print-to-pdf={}", pdf.display())], &page);
        assert!(!said.contains("CONSOLE") && fs::read(&pdf).unwrap().starts_with(b"%PDF"), "{said}");

        // Scripts of a test are not among those that the page allows: the policy is taken out for them.
        let policy = html.find("<meta http-equiv").unwrap();
        let end = policy + html[policy..].find('>').unwrap() + 1;
        let html = html[..policy].to_string() + &html[end..];
        let probe = "<script>
            const svg = document.querySelectorAll('.chart svg'), said = [];
            for (const chart of svg) {
                chart.scrollIntoView();
                const box = chart.getBoundingClientRect();
                chart.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + box.width * .6, clientY: box.top + box.height * .4 }));
                said.push(chart.parentElement.querySelector('.readout').textContent);
            }
            const wide = [...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll') && !e.closest('pre') && e.getBoundingClientRect().right > innerWidth + 1);
            const root = document.documentElement;
            parent.postMessage(JSON.stringify([root.scrollWidth, innerWidth, said, wide.map(e => e.outerHTML.slice(0, 80))]), '*');
        </script></body>";
        let probed = root.join("probed.html");
        fs::write(&probed, html.replace("</body>", probe)).unwrap();
        let hears = "<pre></pre><script>onmessage = e => document.querySelector('pre').textContent = e.data</script>";
        fs::write(&phone, format!("{hears}{}", frame("probed.html"))).unwrap();
        let (dom, said) = chromium(&["--window-size=500,900", "--virtual-time-budget=8000", "--dump-dom"], &phone);
        assert!(!said.contains("CONSOLE"), "{said}");
        let text = dom
            .split("<pre>")
            .nth(1)
            .unwrap()
            .split("</pre>")
            .next()
            .unwrap()
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&");
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(found[0].as_u64() <= found[1].as_u64(), "{name} scrolls sideways: {found}");
        assert_eq!(found[3], serde_json::json!([]), "{name}: too wide");
        let readouts: Vec<&str> = found[2].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
        assert!(
            readouts.len() >= 6 && readouts.iter().all(|text| text.starts_with("step ") || text.starts_with("t ")),
            "{readouts:?}"
        );
    }
}
