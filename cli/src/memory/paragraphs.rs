//! A text's paragraphs.

/// Longest paragraph, bytes; a longer one is cut at a space.
const LONGEST: usize = 2_000;

/// What blank lines part, without the space around it.
pub(super) fn paragraphs(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut begin = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            add(&mut found, begin.take().map(|begin| &text[begin..at]));
        } else {
            begin.get_or_insert(at);
        }
        at += line.len();
    }
    add(&mut found, begin.map(|begin| &text[begin..]));
    found
}

fn add<'a>(found: &mut Vec<&'a str>, paragraph: Option<&'a str>) {
    let mut rest = paragraph.unwrap_or_default().trim();
    while rest.len() > LONGEST {
        let fits = (0..=LONGEST).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(LONGEST);
        let cut = rest[..fits].rfind(char::is_whitespace).unwrap_or(fits);
        found.push(rest[..cut].trim_end());
        rest = rest[cut..].trim_start();
    }
    if !rest.is_empty() {
        found.push(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_part_paragraphs_whatever_ends_a_line() {
        assert_eq!(paragraphs("a\nb\n\n \t\n c \r\n\r\nd"), ["a\nb", "c", "d"]);
        assert_eq!(paragraphs(" \n\n"), Vec::<&str>::new());
        assert_eq!(paragraphs(""), Vec::<&str>::new());
    }

    #[test]
    fn a_long_paragraph_is_cut_at_spaces_and_loses_nothing_else() {
        for word in ["word ", "ü", "退"] {
            let text = word.repeat(3_000);
            let parts = paragraphs(&text);
            assert!(parts.len() > 1 && parts.iter().all(|part| !part.is_empty() && part.len() <= LONGEST));
            let joined: String = parts.concat().split_whitespace().collect();
            assert_eq!(joined, text.split_whitespace().collect::<String>());
        }
    }
}
