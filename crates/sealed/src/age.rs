//! The age file format, version 1, as far as private jobs need it: the head of a file for X25519 recipients, and its
//! body. Deterministic: who holds the data key makes the same bytes again, and so can check that a head is as he would
//! have made it, and seats put the same sealed outputs.
//!
//! A head followed by any body of its job is an ordinary age file. Ours differ from others' only in where the randomness
//! comes from: ephemeral keys and nonces follow, by HKDF and HMAC, from the data key and from what they are for. A body
//! tells whether two texts of one job are the same, and nothing else.

use crate::{Error, Identity, Recipient, Result};
use base64::engine::general_purpose::STANDARD_NO_PAD;
use base64::Engine;
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use chacha20::ChaCha20;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use poly1305::universal_hash::{KeyInit, UniversalHash};
use poly1305::{Block, Poly1305};
use sha2::Sha256;
use zeroize::Zeroizing;

const VERSION: &str = "age-encryption.org/v1\n";
const STANZA: &str = "-> X25519 ";
const FOOTER: &str = "---";
/// Bytes of a data key.
pub(crate) const KEY_BYTES: usize = 16;
const NONCE_BYTES: usize = 16;
const TAG_BYTES: usize = 16;
/// Of the plain text, each piece of so many bytes is sealed by itself.
const PIECE_BYTES: usize = 64 * 1024;

fn derive(key: &[u8], salt: &[u8], info: &str) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    // fails only for more than 8 160 bytes
    let _ = Hkdf::<Sha256>::new(Some(salt), key).expand(info.as_bytes(), &mut *out);
    out
}

fn mac(key: &[u8; 32], bytes: &[u8]) -> Hmac<Sha256> {
    // a shorter key is one with zeros behind it
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as Mac>::new(&(*block).into());
    mac.update(bytes);
    mac
}

/// ChaCha20-Poly1305 of RFC 8439 without further data, from its two parts: the crate that puts them together would
/// change features of ciphers that half of Solana is built on.
struct Piece {
    cipher: ChaCha20,
    mac: Poly1305,
}

impl Piece {
    fn new(key: &[u8; 32], nonce: &[u8; 12]) -> Self {
        let mut cipher = ChaCha20::new(key.into(), nonce.into());
        let mut first = Zeroizing::new([0; 32]);
        cipher.apply_keystream(&mut *first);
        cipher.seek(64u64);
        Self {
            cipher,
            mac: Poly1305::new((&*first).into()),
        }
    }

    fn absorb(&mut self, sealed: &[u8]) {
        self.mac.update_padded(sealed);
        let mut lengths = Block::default();
        lengths[8..].copy_from_slice(&(sealed.len() as u64).to_le_bytes());
        self.mac.update(&[lengths]);
    }

    fn seal(mut self, plain: &[u8], to: &mut Vec<u8>) {
        let mut sealed = plain.to_vec();
        self.cipher.apply_keystream(&mut sealed);
        self.absorb(&sealed);
        to.extend_from_slice(&sealed);
        to.extend_from_slice(&self.mac.finalize());
    }

    fn open(mut self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (sealed, tag) = sealed.split_last_chunk::<TAG_BYTES>()?;
        self.absorb(sealed);
        self.mac.verify(&(*tag).into()).ok()?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        self.cipher.apply_keystream(&mut plain);
        Some(plain)
    }
}

/// The key under which a data key is wrapped, from what sender and recipient share.
fn wrapping(shared: &[u8; 32], share: &[u8; 32], to: &Recipient) -> Option<Zeroizing<[u8; 32]>> {
    // a share of low order makes the same key for everybody
    if *shared == [0; 32] {
        return None;
    }
    let salt = [&share[..], &to.0].concat();
    Some(derive(shared, &salt, "age-encryption.org/v1/X25519"))
}

/// The stanza that holds a data key for a recipient, and that only this data key and recipient make.
fn stanza(key: &[u8; KEY_BYTES], to: &Recipient) -> Option<String> {
    let ephemeral = Identity::from_secret(*derive(key, &to.0, "lode:private:ephemeral:1"));
    let share = ephemeral.recipient().0;
    let wrapping = wrapping(&ephemeral.shared(to), &share, to)?;
    let mut wrapped = Vec::with_capacity(KEY_BYTES + TAG_BYTES);
    Piece::new(&wrapping, &[0; 12]).seal(key, &mut wrapped);
    Some(format!(
        "{STANZA}{}\n{}\n",
        STANDARD_NO_PAD.encode(share),
        STANDARD_NO_PAD.encode(wrapped)
    ))
}

/// The head of an age file whose data key each recipient can open.
pub(crate) fn head(key: &[u8; KEY_BYTES], to: &[Recipient]) -> Result<String> {
    let mut head = VERSION.to_string();
    for recipient in to {
        head += &stanza(key, recipient).ok_or(Error::WeakKey(*recipient))?;
    }
    head += FOOTER;
    let mac = mac(&derive(key, &[], "header"), head.as_bytes()).finalize();
    let mac = STANDARD_NO_PAD.encode(mac.into_bytes());
    Ok(format!("{head} {mac}\n"))
}

/// Whether a head holds the data key for a recipient.
pub(crate) fn is_for(head: &str, key: &[u8; KEY_BYTES], to: &Recipient) -> bool {
    // a stanza begins a line, and no line of another could end in the middle of it
    stanza(key, to).is_some_and(|stanza| head.contains(&format!("\n{stanza}")))
}

/// The data key of a head, if one of the identities opens it. Whatever else the head says is bound by its MAC.
pub(crate) fn unlock(head: &str, by: &[Identity]) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let (signed, given) = head.strip_suffix('\n')?.rsplit_once(' ')?;
    let body = signed.strip_prefix(VERSION)?.strip_suffix(FOOTER)?;
    let given = STANDARD_NO_PAD.decode(given).ok()?;
    let mut lines = body.lines();
    while let Some(line) = lines.next() {
        let share = STANDARD_NO_PAD.decode(line.strip_prefix(STANZA)?).ok()?;
        let share = <[u8; 32]>::try_from(share).ok()?;
        let wrapped = STANDARD_NO_PAD.decode(lines.next()?).ok()?;
        for identity in by {
            let shared = identity.shared(&Recipient(share));
            let Some(wrapping) = wrapping(&shared, &share, &identity.recipient()) else {
                continue;
            };
            let Some(found) = Piece::new(&wrapping, &[0; 12]).open(&wrapped) else {
                continue;
            };
            let key = Zeroizing::new(<[u8; KEY_BYTES]>::try_from(&found[..]).ok()?);
            let right = mac(&derive(&*key, &[], "header"), signed.as_bytes());
            return right.verify_slice(&given).is_ok().then_some(key);
        }
    }
    None
}

fn nonce_of(piece: usize, last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&(piece as u64).to_be_bytes());
    nonce[11] = u8::from(last);
    nonce
}

/// The body of an age file: 16 bytes of nonce, then the pieces, each with a tag.
pub(crate) fn seal(key: &[u8; KEY_BYTES], plain: &[u8]) -> Vec<u8> {
    // the nonce of another text is another one, as far as anybody without the key can tell
    let nonce = mac(&derive(key, &[], "lode:private:nonce:1"), plain).finalize();
    let nonce = &nonce.into_bytes()[..NONCE_BYTES];
    let stream = derive(key, nonce, "payload");
    let mut sealed = Vec::with_capacity(plain.len());
    sealed.extend_from_slice(nonce);
    let mut pieces = plain.chunks(PIECE_BYTES).enumerate().peekable();
    if pieces.peek().is_none() {
        Piece::new(&stream, &nonce_of(0, true)).seal(&[], &mut sealed);
    }
    while let Some((i, piece)) = pieces.next() {
        let last = pieces.peek().is_none();
        Piece::new(&stream, &nonce_of(i, last)).seal(piece, &mut sealed);
    }
    sealed
}

/// What a body holds; nothing where it was not sealed under this key, or is not whole.
pub(crate) fn open(key: &[u8; KEY_BYTES], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let stream = derive(key, nonce, "payload");
    let mut plain = Zeroizing::new(Vec::with_capacity(body.len()));
    let mut pieces = body.chunks(PIECE_BYTES + TAG_BYTES).enumerate().peekable();
    // an empty text is one empty piece; no body at all is none
    pieces.peek()?;
    while let Some((i, piece)) = pieces.next() {
        let last = pieces.peek().is_none();
        let opened = Piece::new(&stream, &nonce_of(i, last)).open(piece)?;
        if opened.is_empty() && i > 0 {
            return None;
        }
        plain.extend_from_slice(&opened);
    }
    Some(plain)
}

/// Bytes that sealing makes of so many.
pub(crate) fn size(plain: u64) -> u64 {
    let pieces = plain.div_ceil(PIECE_BYTES as u64).max(1);
    plain
        .saturating_add(NONCE_BYTES as u64)
        .saturating_add(pieces.saturating_mul(TAG_BYTES as u64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KEY: [u8; KEY_BYTES] = [7; KEY_BYTES];

    fn identity(byte: u8) -> Identity {
        Identity::from_secret([byte; 32])
    }

    #[test]
    fn a_file_that_the_ordinary_tool_sealed_opens() {
        let secret = "b35df2f2e8062e7d75334b606088ada88ad8c4be8c018c80069b894d2cd0594f";
        let head = "age-encryption.org/v1\n-> X25519 IOc4sb4vnOepsNpdkrbdccsFDG1Wm0XGFLzZkTd8mwc\nW/PYzchV+cXo60j2ECncU4yjDtAP8IOq82fvuN/4rZI\n--- 1n/b/T9ovRoBgbj188dFjgPuHkITPwXOp2rNdxmzqTw\n";
        let body = "ff396bf3962cbb449ef694da6bd7dd50c8e9c0f04256994332d8e1a6baecb5ceef757f2fede1776ee1cc669364d3f5aed1008b8473e0e328";
        let mut bytes = [0; 32];
        hex::decode_to_slice(secret, &mut bytes).unwrap();
        let key = unlock(head, &[identity(1), Identity::from_secret(bytes)]).unwrap();
        let plain = open(&key, &hex::decode(body).unwrap()).unwrap();
        assert_eq!(&plain[..], b"The keeper of the light.");
        assert_eq!(unlock(head, &[identity(1)]), None);
    }

    #[test]
    fn what_the_ordinary_tool_opened_is_sealed_in_the_same_bytes() {
        // `age` 1.1.1 opened this file with either key, and got the text.
        let to = [identity(9).recipient(), identity(4).recipient()];
        let mut file = super::head(&KEY, &to).unwrap().into_bytes();
        let plain: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
        file.extend(seal(&KEY, &plain));
        let hash = <Sha256 as sha2::Digest>::digest(&file);
        assert_eq!(
            hex::encode(hash),
            "0e9b9c118ddb728811f92ae6e7dde9f2900ccc974f8493e124031283dcf8d8bc"
        );
    }

    #[test]
    fn sealing_is_a_function_of_key_and_text_and_opens_at_every_size() {
        for size in [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000] {
            let plain: Vec<u8> = (0..size).map(|i: u32| (i % 251) as u8).collect();
            let sealed = seal(&KEY, &plain);
            assert_eq!(sealed.len() as u64, super::size(u64::from(size)));
            assert_eq!(sealed, seal(&KEY, &plain));
            assert_ne!(sealed[..16], seal(&[8; KEY_BYTES], &plain)[..16]);
            assert_eq!(&open(&KEY, &sealed).unwrap()[..], &plain[..]);
            assert!(open(&[8; KEY_BYTES], &sealed).is_none());
        }
        assert_ne!(seal(&KEY, b"a")[..16], seal(&KEY, b"b")[..16]);
    }

    #[test]
    fn what_was_changed_cut_or_put_together_otherwise_does_not_open() {
        let plain = vec![3; 150_000];
        let sealed = seal(&KEY, &plain);
        for at in [0, 15, 16, 65_000, 65_552, 70_000, sealed.len() - 1] {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(open(&KEY, &bad).is_none(), "byte {at}");
        }
        for length in [
            0,
            15,
            16,
            31,
            32,
            16 + 65_552,
            16 + 2 * 65_552,
            sealed.len() - 1,
        ] {
            assert!(open(&KEY, &sealed[..length]).is_none(), "{length} bytes");
        }
        let mut longer = sealed.clone();
        longer.push(0);
        assert!(open(&KEY, &longer).is_none());
        let (first, second) = (
            &sealed[16..16 + 65_552],
            &sealed[16 + 65_552..16 + 2 * 65_552],
        );
        let swapped = [&sealed[..16], second, first, &sealed[16 + 2 * 65_552..]].concat();
        assert!(open(&KEY, &swapped).is_none());
    }

    #[test]
    fn a_head_opens_for_its_recipients_alone_and_shows_who_they_are_to_whoever_has_the_key() {
        let all = [identity(1), identity(2), identity(3)];
        let to = [all[0].recipient(), all[1].recipient()];
        let head = head(&KEY, &to).unwrap();
        assert_eq!(head, super::head(&KEY, &to).unwrap());
        for one in &all[..2] {
            assert_eq!(
                unlock(&head, std::slice::from_ref(one)).as_deref(),
                Some(&KEY)
            );
            assert!(is_for(&head, &KEY, &one.recipient()));
        }
        assert_eq!(unlock(&head, &all[2..]), None);
        assert!(!is_for(&head, &KEY, &all[2].recipient()));
        assert!(!is_for(&head, &[8; KEY_BYTES], &all[0].recipient()));
        // a stanza that looks like one, and holds another key or none
        let other = super::head(&[8; KEY_BYTES], &to).unwrap();
        let theirs = other.lines().skip(1).take(2).collect::<Vec<_>>().join("\n");
        let ours = head.lines().skip(1).take(2).collect::<Vec<_>>().join("\n");
        let forged = head.replace(&ours, &theirs);
        assert_eq!(unlock(&forged, &all[..1]), None);
        assert!(!is_for(&forged, &KEY, &to[0]));
        // the rest of it is no longer what the MAC is over
        assert_eq!(unlock(&forged, &all[1..2]), None);
    }

    #[test]
    fn a_head_that_is_not_one_opens_for_nobody() {
        let by = [identity(1)];
        let head = head(&KEY, &[by[0].recipient()]).unwrap();
        assert!(unlock(&head, &by).is_some());
        for bad in [
            String::new(),
            "\n".into(),
            head.replace("v1", "v2"),
            head.replace("X25519", "scrypt"),
            head.replace("--- ", "---"),
            head.trim_end().into(),
            format!("{head}\n"),
            head.lines().take(2).collect::<Vec<_>>().join("\n"),
        ] {
            assert_eq!(unlock(&bad, &by), None, "{bad}");
        }
    }

    #[test]
    fn nothing_is_sealed_for_a_key_of_low_order() {
        let mut one = [0; 32];
        one[0] = 1;
        for weak in [[0; 32], one] {
            let refused = head(&KEY, &[identity(1).recipient(), Recipient(weak)]);
            assert!(matches!(refused, Err(Error::WeakKey(Recipient(found))) if found == weak));
        }
    }
}
