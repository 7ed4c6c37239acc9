//! The built-in embedder: words and pieces of words, hashed into a fixed number of dimensions.
//!
//! Feature hashing with signs (Weinberger et al., 2009). Nothing is learnt and no language is known: two texts are
//! near if they share words, or pieces of words. Deterministic to the bit but for the last digit of `ln`; what it
//! makes is stored, so any change of it is another embedder with another [`NAME`] (docs/adr/0015).

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// Its name, kept with each namespace whose texts it embeds.
pub(crate) const NAME: &str = "lexical-1";
/// Components of its vectors.
pub(crate) const DIMENSION: usize = 512;

/// Fixed keys: another pair is another embedder.
const KEYS: (u64, u64) = (0x6c61_6375_6e61_2d65, 0x6d62_6564_6469_6e67);
/// Components that tell a text from others of the same words, each this long beside a unit vector.
const EXACT: f64 = 0.015;
const EXACT_COMPONENTS: u8 = 4;

/// What a feature is; its weight beside the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Kind {
    /// A word of alphabetic script. Short ones, mostly grammar, weigh less.
    Word = 1,
    /// Two words in a row.
    Pair = 2,
    /// Three or four characters of a word with its ends marked.
    Piece = 3,
    /// One character of a script without spaces, or a sign where there are no words.
    Sign = 4,
    /// Two characters of a script without spaces.
    SignPair = 5,
    /// The text as a whole.
    Exact = 6,
}

/// A feature's hash, and its weight before its count is seen.
type Feature = (u64, f64);

/// The text's vector: of unit length, equal for equal texts.
pub(crate) fn embed(text: &str) -> Vec<f32> {
    let text = text.trim();
    let mut features = Features::default();
    features.read(text);
    let mut sum = [0.0_f64; DIMENSION];
    features.add_to(&mut sum);
    scale(&mut sum);
    for part in 0..EXACT_COMPONENTS {
        let hash = hash(Kind::Exact, &[&[part], text.as_bytes()]);
        sum[place(hash)] += sign(hash) * EXACT;
    }
    scale(&mut sum);
    sum.iter().map(|component| *component as f32).collect()
}

/// To unit length; a zero vector stays as it is.
fn scale(vector: &mut [f64; DIMENSION]) {
    let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    if norm > 0.0 {
        for x in vector {
            *x /= norm;
        }
    }
}

fn hash(kind: Kind, parts: &[&[u8]]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(KEYS.0, KEYS.1);
    hasher.write(&[kind as u8]);
    for part in parts {
        hasher.write(part);
        hasher.write(&[0xff]);
    }
    hasher.finish()
}

fn place(hash: u64) -> usize {
    (hash % DIMENSION as u64) as usize
}

fn sign(hash: u64) -> f64 {
    if hash >> 63 == 0 { 1.0 } else { -1.0 }
}

#[derive(Default)]
struct Features {
    found: Vec<Feature>,
    /// Hash of the word before.
    before: Option<u64>,
    /// The word being read, lowercased.
    word: Vec<char>,
    /// The character before, of a script without spaces.
    sign: Option<char>,
}

impl Features {
    fn read(&mut self, text: &str) {
        for c in text.chars().flat_map(char::to_lowercase) {
            if has_no_spaces(c) {
                self.end_word();
                self.take_sign(c);
            } else if c.is_alphanumeric() {
                self.sign = None;
                self.word.push(c);
            } else if !is_mark(c) {
                self.sign = None;
                self.end_word();
            }
        }
        self.end_word();
        if self.found.is_empty() {
            for c in text.chars().filter(|c| !c.is_whitespace()) {
                self.take_sign(c);
            }
        }
    }

    fn take_sign(&mut self, c: char) {
        let (mut one, mut two) = ([0; 4], [0; 4]);
        let c_bytes = c.encode_utf8(&mut one).as_bytes();
        self.found.push((hash(Kind::Sign, &[c_bytes]), 0.5));
        if let Some(before) = self.sign.replace(c) {
            let before = before.encode_utf8(&mut two).as_bytes();
            self.found.push((hash(Kind::SignPair, &[before, c_bytes]), 1.0));
        }
    }

    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let word: String = self.word.iter().collect();
        let this = hash(Kind::Word, &[word.as_bytes()]);
        let length = self.word.len();
        self.found.push((this, (length as f64 / 5.0).clamp(0.3, 1.0)));
        if let Some(before) = self.before.replace(this) {
            self.found.push((hash(Kind::Pair, &[&before.to_be_bytes(), &this.to_be_bytes()]), 0.25));
        }
        let marked: Vec<char> =
            std::iter::once(' ').chain(self.word.drain(..)).chain(std::iter::once(' ')).collect();
        for size in [3, 4] {
            for piece in marked.windows(size).filter(|piece| piece.len() < marked.len()) {
                let piece: String = piece.iter().collect();
                self.found.push((hash(Kind::Piece, &[piece.as_bytes()]), 0.25));
            }
        }
    }

    /// Adds each feature once, by the logarithm of its count: in the order of the hashes, so that the sums are
    /// the same everywhere.
    fn add_to(mut self, sum: &mut [f64; DIMENSION]) {
        self.found.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        for same in self.found.chunk_by(|a, b| a.0 == b.0) {
            let (hash, weight) = same[0];
            sum[place(hash)] += sign(hash) * weight * (1.0 + (same.len() as f64).ln());
        }
    }
}

/// Scripts that put no spaces between words: Han, kana, Hangul, Thai, Lao, Khmer, Myanmar.
fn has_no_spaces(c: char) -> bool {
    c.is_alphanumeric()
        && matches!(u32::from(c),
            0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x2E80..=0x9FFF | 0xAC00..=0xD7AF | 0xF900..=0xFAFF
            | 0x20000..=0x3FFFF)
}

/// Marks inside words: combining accents, apostrophes and the like are passed over.
fn is_mark(c: char) -> bool {
    matches!(u32::from(c), 0x0300..=0x036F | 0x200C | 0x200D | 0x00AD) || c == '\'' || c == '\u{2019}'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &str, b: &str) -> f32 {
        embed(a).iter().zip(embed(b)).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn equal_texts_have_equal_vectors_of_unit_length() {
        for text in ["Refund policy", "ß ẞ", "退款政策", "...", "?", "a", "🙂", "الاسترداد"]
        {
            assert_eq!(embed(text), embed(text));
            assert!((cosine(text, text) - 1.0).abs() < 1e-5, "{text}");
        }
    }

    #[test]
    fn a_text_of_only_punctuation_has_a_usable_vector_of_its_own() {
        assert!(cosine("!!!", "???") < 0.9 && cosine("--", "...") < 0.9);
    }

    #[test]
    fn the_text_itself_is_nearer_than_one_of_the_same_words() {
        for (text, other) in [("dog bites man", "man bites dog"), ("Hello", "hello"), ("a, b", "a b")] {
            assert!(cosine(text, other) < 0.9999, "{text} and {other}: {}", cosine(text, other));
        }
        assert!(cosine("Hello", "hello") > 0.99, "case hardly matters: {}", cosine("Hello", "hello"));
    }

    #[test]
    fn shared_words_and_pieces_of_words_bring_texts_near() {
        let query = "how do I get a refund";
        let near = cosine(query, "Refunds are paid within ten days");
        let far = cosine(query, "The tower is three hundred metres tall");
        assert!(near > far + 0.1, "{near} against {far}");
        let near = cosine("退款需要多久", "退款政策：十天内退款");
        let far = cosine("退款需要多久", "埃菲尔铁塔高三百米");
        assert!(near > far + 0.1, "{near} against {far}");
    }

    #[test]
    fn its_vectors_are_those_that_are_stored() {
        let golden = |text: &str| -> Vec<(usize, i32)> {
            let mut parts: Vec<_> = embed(text).into_iter().enumerate().collect();
            parts.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
            parts.into_iter().take(4).map(|(place, x)| (place, (x * 1e5).round() as i32)).collect()
        };
        let found = ["The quick brown fox", "退款政策", "!?"].map(golden);
        let stored = [
            [(432, 45706), (492, -45706), (199, 27424), (500, 27424)],
            [(16, -49978), (352, -49978), (511, 49978), (57, 24989)],
        ];
        assert_eq!(found[..2], stored.map(Vec::from));
        assert_eq!(found[2][..3], [(303, -81613), (46, 40806), (289, 40806)]);
    }
}
