//! GPT-2's printable stand-ins for the 256 bytes, as every byte-level BPE spells its tokens.
//!
//! Printable Latin-1 stands for itself; the other 68 bytes are U+0100 and on, in order.

/// How many bytes, and so characters of the alphabet, there are.
const BYTES: usize = 256;
/// One past the last character of the alphabet: U+0100 and the 68 bytes that do not print.
const END: usize = BYTES + 68;

/// Both directions of the alphabet.
pub(super) struct Alphabet {
    chars: [char; BYTES],
    bytes: [Option<u8>; END],
}

impl Alphabet {
    /// The one alphabet there is.
    pub(super) fn new() -> Self {
        let mut chars = ['\0'; BYTES];
        let mut bytes = [None; END];
        let mut spare = '\u{100}'..;
        for byte in 0..=u8::MAX {
            let prints = matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
            let char = if prints { Some(char::from(byte)) } else { spare.next() };
            if let Some(char) = char {
                chars[usize::from(byte)] = char;
                bytes[char as usize] = Some(byte);
            }
        }
        Self { chars, bytes }
    }

    /// Spells `raw` in the alphabet, onto the end of `out`.
    pub(super) fn spell(&self, raw: &[u8], out: &mut String) {
        out.extend(raw.iter().map(|&byte| self.chars[usize::from(byte)]));
    }

    /// The bytes that a token's spelling stands for; `None` if it is not spelled in the alphabet.
    pub(super) fn read(&self, spelled: &str) -> Option<Vec<u8>> {
        spelled.chars().map(|char| self.bytes.get(char as usize).copied().flatten()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_own_character_and_the_known_ones_are_gpt2s() {
        let alphabet = Alphabet::new();
        let all: Vec<u8> = (0..=255).collect();
        let mut spelled = String::new();
        alphabet.spell(&all, &mut spelled);
        assert_eq!(spelled.chars().count(), 256);
        assert_eq!(alphabet.read(&spelled), Some(all));
        let mut known = String::new();
        alphabet.spell(b" \n\ta\xAD", &mut known);
        assert_eq!(known, "ĠĊĉaŃ");
        assert_eq!(alphabet.read("日"), None);
    }
}
