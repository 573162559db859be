//! Standard Base64 with padding (RFC 4648).

use alloc::vec::Vec;

pub(crate) const ALPHABET: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Decodes a text. `None` where it is anything but what an encoder would write.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let (quads, []) = text.as_bytes().as_chunks::<4>() else {
        return None;
    };
    let (last, quads) = quads
        .split_last()
        .map_or((None, quads), |(last, rest)| (Some(last), rest));
    let mut bytes = Vec::with_capacity(text.len().div_ceil(4).saturating_mul(3));
    for [a, b, c, d] in quads {
        push(&mut bytes, [value(*a)?, value(*b)?, value(*c)?, value(*d)?]);
    }
    match last {
        None => {}
        Some([a, b, b'=', b'=']) => {
            let [first, second] = [value(*a)?, value(*b)?];
            second.is_multiple_of(16).then_some(())?;
            push(&mut bytes, [first, second, 0, 0]);
            bytes.truncate(bytes.len().saturating_sub(2));
        }
        Some([a, b, c, b'=']) => {
            let [first, second, third] = [value(*a)?, value(*b)?, value(*c)?];
            third.is_multiple_of(4).then_some(())?;
            push(&mut bytes, [first, second, third, 0]);
            bytes.truncate(bytes.len().saturating_sub(1));
        }
        Some([a, b, c, d]) => push(&mut bytes, [value(*a)?, value(*b)?, value(*c)?, value(*d)?]),
    }
    Some(bytes)
}

fn push(bytes: &mut Vec<u8>, [a, b, c, d]: [u8; 4]) {
    bytes.extend_from_slice(&[(a << 2) | (b >> 4), (b << 4) | (c >> 2), (c << 6) | d]);
}

fn value(character: u8) -> Option<u8> {
    let position = ALPHABET.iter().position(|known| *known == character)?;
    u8::try_from(position).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_reads_the_published_examples() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(decode(text).unwrap(), bytes.as_bytes(), "{text}");
            #[cfg(feature = "write")]
            assert_eq!(crate::write::encode_base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn decode_refuses_what_no_encoder_writes() {
        for text in [
            "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v\n", "Zm 9v", "Zm9-", "=", "====",
            "Zg==Zg==", "Z===",
        ] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
