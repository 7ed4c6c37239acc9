//! `[[wiki links]]` in a text.

use lacuna_model::limits::MAX_NAME_BYTES;

/// The names that are linked, each once, in the order of their first link: of `[[Name|shown]]` and `[[Name#part]]` the
/// name.
pub(super) fn links(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    // What stands between "[[" and the next "]]", without another "[[".
    for piece in text.split("[[").skip(1) {
        let Some((inside, _)) = piece.split_once("]]") else { continue };
        let name = inside.split(['|', '#']).next().unwrap_or_default();
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let fits = !name.is_empty() && name.len() <= MAX_NAME_BYTES && !inside.contains("\n\n");
        if fits && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_its_name_once() {
        let text = "[[Ada]] wrote to [[Charles Babbage|Charles]], see [[Ada#Notes]], [[ Charles\nBabbage ]]";
        assert_eq!(links(text), ["Ada", "Charles Babbage"]);
    }

    #[test]
    fn what_is_no_link_makes_no_name() {
        assert_eq!(links("a[0] [[]] [[ |x]] [[open [[#x]] [ [Ada] ] ]]"), Vec::<String>::new());
        assert_eq!(links("[[open [[Ada]]"), ["Ada"]);
    }
}
