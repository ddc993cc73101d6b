//! What is known of the bundled data, as a person would answer a data card for them. What their notices and papers don't
//! say stays open.

/// The answers known of the bundled dataset `name`, by the keys of [`CARD_KEYS`](super::CARD_KEYS); `None` for others.
pub(super) fn answers(name: &str) -> Option<&'static [(&'static str, &'static str)]> {
    Some(match name {
        "mnist" | "mnist-10k" => &MNIST,
        "fashion-mnist-10k" => &FASHION,
        "emoji-32" => &EMOJI_32,
        "emoji-64" => &EMOJI_64,
        "picture" => &PICTURE,
        "two_moons" | "swiss_roll" | "eight_gaussians" | "checkerboard" | "pinwheel" => &POINTS,
        _ => return None,
    })
}

const LEARNING: &str = "learning, teaching and comparing methods of diffusion";

const MNIST: [(&str, &str); 9] = [
    ("intended_use", LEARNING),
    ("misuse", "passing samples off as a person's handwriting, as in forms and on cheques"),
    (
        "origin",
        "MNIST: handwritten digits of NIST's Special Databases 1 and 3, chosen, centred and scaled to 28×28 by Yann LeCun, \
         Corinna Cortes and Christopher J. C. Burges",
    ),
    (
        "collection",
        "written on forms by employees of the US Census Bureau and by high-school students (LeCun et al. 1998)",
    ),
    ("sector", "none: single digits on paper; they say nothing about how well a model does in any field of practice"),
    ("licence", "CC BY-SA 3.0"),
    (
        "rights",
        "© Yann LeCun and Corinna Cortes, derived from NIST data; name them, and share what is derived from the data alike",
    ),
    ("people", "no pictures of people and no names, but handwriting of about 500 writers"),
    ("conditioning", "ten digits; a row of samples can spell any number"),
];

const FASHION: [(&str, &str); 10] = [
    ("intended_use", LEARNING),
    ("misuse", "passing samples off as pictures of articles that somebody sells"),
    ("origin", "Fashion-MNIST's test set: 10,000 articles of Zalando's assortment, 28×28 grey, by Zalando SE"),
    ("collection", "made from the front views of articles that Zalando's photographers took (Xiao et al. 2017)"),
    ("sector", "none: clothes, in ten coarse classes"),
    ("licence", "MIT"),
    (
        "rights",
        "© 2017 Zalando SE; keep the notice with what is derived from the data. The licence says nothing about the designs \
         and trade marks of the articles",
    ),
    ("people", "none: articles of clothing by themselves"),
    ("consent", "none needed: nobody is in the pictures"),
    ("conditioning", "ten kinds of clothes"),
];

const EMOJI_32: [(&str, &str); 10] =
    emoji("Noto Emoji, drawn by Google's project of that name; composited on white and scaled to 32×32 for difflab");
const EMOJI_64: [(&str, &str); 10] =
    emoji("Noto Emoji, drawn by Google's project of that name, at 64×64; composited on white for difflab");

/// The answers for the emoji of that origin.
const fn emoji(origin: &'static str) -> [(&'static str, &'static str); 10] {
    [
        ("intended_use", LEARNING),
        ("misuse", "passing samples off as emoji of the Noto project, or as any national flag"),
        ("origin", origin),
        ("collection", "1,892 drawings of the set, sorted by the groups that Unicode puts emoji into"),
        ("sector", "none: drawings; medical symbols among them carry no medical meaning once they are sampled"),
        ("licence", "Apache-2.0"),
        ("rights", "© Google; keep licence and notice with what is derived from the data, and say what was changed"),
        ("people", "drawn people and faces without a model: nobody in particular"),
        ("consent", "none needed: nobody is in the pictures"),
        ("conditioning", "nine groups, among them people-body and flags: a distorted sample of these can offend"),
    ]
}

const PICTURE: [(&str, &str); 10] = [
    ("intended_use", LEARNING),
    ("misuse", "none known: points in the plane"),
    ("origin", "one drawing of a cat, made for difflab"),
    ("collection", "points at the drawing's dark pixels, by a seeded formula"),
    ("sector", "none: points in the plane"),
    ("licence", "CC0 1.0"),
    ("rights", "none reserved"),
    ("people", "none"),
    ("consent", "none needed: nobody is in the data"),
    ("conditioning", "nothing to ask for"),
];

const POINTS: [(&str, &str); 10] = [
    ("intended_use", LEARNING),
    ("misuse", "none known: points in the plane"),
    ("origin", "made by a formula of difflab's"),
    ("collection", "drawn from a seeded generator when they are loaded"),
    ("sector", "none: points in the plane"),
    ("licence", "CC0"),
    ("rights", "none reserved"),
    ("people", "none"),
    ("consent", "none needed: nobody is in the data"),
    ("conditioning", "at most the class of a point"),
];

#[cfg(test)]
mod tests {
    use super::super::{CARD_KEYS, catalogue};
    use super::*;

    #[test]
    fn every_bundled_dataset_has_answers_under_known_keys_and_its_own_licence() {
        for entry in catalogue() {
            let answers = answers(entry.name).unwrap_or_else(|| panic!("{} has no card", entry.name));
            for (key, answer) in answers {
                assert!(CARD_KEYS.iter().any(|known| known.name == *key), "{}: {key}", entry.name);
                assert!(!answer.trim().is_empty());
            }
            let licence = answers.iter().find(|(key, _)| *key == "licence").unwrap().1;
            assert!(licence.starts_with(entry.licence), "{}: {licence}", entry.name);
        }
        assert!(answers("images").is_none());
    }
}
