//! Keys, and what is sealed with them.
//!
//! Bytes are sealed with ChaCha20-Poly1305 under a random nonce of 96 bits. A key of a person seals few blobs; the one for
//! what holds several persons seals some thousand million in its life, of which two have the same nonce with a
//! probability below 2^-30. ChaCha20 needs no schedule of round keys, which would cost more than a short blob does.
//!
//! A name by which rows are found must always give the same text. Its nonce is a keyed hash of kind and name, under a
//! key of its own: two names share a nonce only where 96 bits of their hashes are equal, and equal names give equal texts,
//! which is what they are for and all that they tell.

use std::fmt;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use contract::Fault;
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};
use secrecy::{ExposeSecret as _, SecretBox, SecretString};

use super::trouble::{Outcome, Trouble};

/// Bytes of a key.
const KEY_LEN: usize = 32;

/// The bytes of a key, zeroed when they are dropped.
pub(super) type Secret = SecretBox<[u8; KEY_LEN]>;

/// A keyed hash that stands for a person.
pub(super) type Mark = [u8; 16];

/// The operator's keys, which wrap the keys of data: the first one wraps, the others only open what they wrapped. None:
/// data about people is not taken.
#[derive(Default)]
pub struct OperatorKeys(Vec<OperatorKey>);

/// One key of the operator.
pub struct OperatorKey {
    /// Tells it from others, and tells nothing of it.
    pub(super) fingerprint: i64,
    cipher: Cipher,
    /// Signs what is given out.
    signing: hmac::Key,
}

/// A signature under a key of the operator (HMAC-SHA256 with a key that is derived from it).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The fingerprint of the operator's key.
    pub key: String,
    /// The signature, in hexadecimal digits.
    pub value: String,
}

impl OperatorKeys {
    /// Signs bytes with the first key; `None`: there is none.
    pub fn sign(&self, bytes: &[u8]) -> Option<Signature> {
        let key = self.first()?;
        let value = hmac::sign(&key.signing, bytes);
        Some(Signature { key: shown(key.fingerprint), value: hex(value.as_ref()) })
    }

    /// Whether these bytes were signed so; `None`: with a key that is not among these.
    pub fn verify(&self, bytes: &[u8], signature: &Signature) -> Option<bool> {
        let key = self.0.iter().find(|key| shown(key.fingerprint) == signature.key)?;
        let value = from_hex(&signature.value).unwrap_or_default();
        Some(hmac::verify(&key.signing, bytes, &value).is_ok())
    }

    /// A key that only this process knows: for databases that end with it.
    ///
    /// # Errors
    /// `C0105` the system gives no random bytes.
    pub fn passing() -> Result<Self, Fault> {
        let key = random().map_err(|_| no_random())?;
        Ok(Self(vec![OperatorKey::new(key.expose_secret())]))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    pub(super) fn first(&self) -> Option<&OperatorKey> {
        self.0.first()
    }

    pub(super) fn get(&self, fingerprint: i64) -> Option<&OperatorKey> {
        self.0.iter().find(|key| key.fingerprint == fingerprint)
    }

    /// What tells the keys apart, for messages.
    pub(super) fn fingerprints(&self) -> Vec<String> {
        self.0.iter().map(|key| shown(key.fingerprint)).collect()
    }
}

impl FromIterator<OperatorKey> for OperatorKeys {
    fn from_iter<T: IntoIterator<Item = OperatorKey>>(keys: T) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl fmt::Debug for OperatorKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("OperatorKeys").field(&self.fingerprints()).finish()
    }
}

/// A fingerprint, for messages.
pub(super) fn shown(fingerprint: i64) -> String {
    format!("{fingerprint:016x}")
}

impl OperatorKey {
    /// A key of 32 bytes.
    fn new(key: &[u8; KEY_LEN]) -> Self {
        let fingerprint = derived("fingerprint", key);
        let mut short = [0; 8];
        for (to, from) in short.iter_mut().zip(fingerprint.expose_secret()) {
            *to = *from;
        }
        Self {
            fingerprint: i64::from_be_bytes(short),
            cipher: Cipher(derived("data keys", key)),
            signing: hmac::Key::new(hmac::HMAC_SHA256, derived("receipts", key).expose_secret()),
        }
    }

    /// Reads a key of 32 bytes, in base64 (such as `openssl rand -base64 32` prints) or as 64 hexadecimal digits.
    ///
    /// # Errors
    /// `C0117`; the text is not repeated.
    pub fn parse(text: &SecretString) -> Result<Self, Fault> {
        let text = text.expose_secret().trim();
        let mut bytes = if text.len() == 2 * KEY_LEN { from_hex(text) } else { from_base64(text) }.unwrap_or_default();
        let parsed = <&[u8; KEY_LEN]>::try_from(bytes.as_slice()).map(Self::new);
        bytes.fill(0);
        parsed.map_err(|_| {
            let message = "a key for data about people is not 32 bytes in base64, or 64 hexadecimal digits";
            Fault::config("C0117", message).hint("make one with `openssl rand -base64 32`, and keep a copy elsewhere")
        })
    }

    /// The text of a new key, which [`OperatorKey::parse`] reads.
    ///
    /// # Errors
    /// `C0105` the system gives no random bytes.
    pub fn generate() -> Result<String, Fault> {
        let key = random().map_err(|_| no_random())?;
        Ok(STANDARD.encode(key.expose_secret()))
    }

    /// Wraps a data key of this owner.
    pub(super) fn wrap(&self, owner: &[u8], key: &Secret) -> Outcome<Vec<u8>> {
        self.cipher.seal(owner, key.expose_secret())
    }

    /// The data key of this owner; `None`: it was changed.
    pub(super) fn unwrap(&self, owner: &[u8], wrapped: &[u8]) -> Option<Secret> {
        let mut opened = self.cipher.open(owner, wrapped)?;
        let key = <[u8; KEY_LEN]>::try_from(opened.as_slice()).ok().map(|key| SecretBox::new(Box::new(key)));
        opened.fill(0);
        key
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| {
            let digits =
                str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
            u8::from_str_radix(digits, 16).ok()
        })
        .collect()
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].iter().find_map(|alphabet| alphabet.decode(text).ok())
}

/// Bytes as text.
pub(super) fn to_text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of which this is the text.
pub(super) fn from_text(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// A new key.
pub(super) fn random() -> Outcome<Secret> {
    let mut key = Box::new([0; KEY_LEN]);
    SystemRandom::new().fill(key.as_mut_slice()).map_err(|_| no_random())?;
    Ok(SecretBox::new(key))
}

/// A key for one purpose, made from another.
fn derived(purpose: &str, key: &[u8; KEY_LEN]) -> Secret {
    SecretBox::new(Box::new(blake3::derive_key(&format!("cartage store 2026-11-30 {purpose}"), key)))
}

/// Seals and opens under one key.
struct Cipher(Secret);

impl Cipher {
    fn key(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&CHACHA20_POLY1305, self.0.expose_secret()).ok().map(LessSafeKey::new)
    }

    /// Seals bytes for one use.
    fn seal(&self, usage: &[u8], plain: &[u8]) -> Outcome<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| no_random())?;
        self.seal_with(nonce, usage, plain)
    }

    fn seal_with(&self, nonce: [u8; NONCE_LEN], usage: &[u8], plain: &[u8]) -> Outcome<Vec<u8>> {
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + CHACHA20_POLY1305.tag_len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .key()
            .zip(sealed.get_mut(NONCE_LEN..))
            .and_then(|(key, text)| key.seal_in_place_separate_tag(nonce, Aad::from(usage), text).ok());
        let tag = tag.ok_or_else(|| Trouble::unreadable("data about people on its way", "it is too long"))?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what was sealed for this use; `None`: it was changed, or another key or use sealed it.
    fn open(&self, usage: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.key()?.open_in_place(nonce, Aad::from(usage), &mut text).ok()?.len();
        text.truncate(opened);
        Some(text)
    }
}

fn no_random() -> Fault {
    Fault::transient("C0105", "the system gives no random bytes for keys")
}

/// A key that seals data of one person, or of several.
pub(super) struct DataKey {
    /// Its row.
    pub(super) id: i64,
    cipher: Cipher,
}

impl DataKey {
    pub(super) fn new(id: i64, key: Secret) -> Self {
        Self { id, cipher: Cipher(key) }
    }

    /// Seals bytes for one use; begins with the key's id.
    pub(super) fn seal(&self, usage: &[u8], plain: &[u8]) -> Outcome<Vec<u8>> {
        let sealed = self.cipher.seal(usage, plain)?;
        Ok([&self.id.to_be_bytes()[..], &sealed].concat())
    }

    /// Opens what follows the id.
    pub(super) fn open(&self, usage: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        self.cipher.open(usage, sealed)
    }
}

/// The id of the key that sealed these bytes, and what follows it.
pub(super) fn key_id(sealed: &[u8]) -> Option<(i64, &[u8])> {
    let (id, rest) = sealed.split_first_chunk()?;
    Some((i64::from_be_bytes(*id), rest))
}

/// Seals names, and hashes what is looked up: each under a key of its own, made from one data key.
pub(super) struct Names {
    cipher: Cipher,
    nonces: Secret,
    hashes: Secret,
    marks: Secret,
    erased: Secret,
}

impl Names {
    pub(super) fn new(key: &Secret) -> Self {
        let key = key.expose_secret();
        Self {
            cipher: Cipher(derived("names", key)),
            nonces: derived("nonces of names", key),
            hashes: derived("hashes", key),
            marks: derived("marks of persons", key),
            erased: derived("erased persons", key),
        }
    }

    /// The sealed form of a name of this kind: always the same text.
    pub(super) fn seal(&self, kind: u8, name: &str) -> Outcome<String> {
        // The kind belongs to the hash: a nonce must not be used for two kinds either.
        let mut hasher = blake3::Hasher::new_keyed(self.nonces.expose_secret());
        hasher.update(&[kind]).update(name.as_bytes());
        let mut nonce = [0; NONCE_LEN];
        hasher.finalize_xof().fill(&mut nonce);
        Ok(to_text(&self.cipher.seal_with(nonce, &[kind], name.as_bytes())?))
    }

    /// The name; `None`: it was changed, or another key or kind sealed it.
    pub(super) fn open(&self, kind: u8, sealed: &str) -> Option<String> {
        String::from_utf8(self.cipher.open(&[kind], &from_text(sealed)?)?).ok()
    }

    /// A keyed hash.
    pub(super) fn hash(&self, text: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(self.hashes.expose_secret(), text)
    }

    /// What stands for an address, account or order that is kept out.
    pub(super) fn erased(&self, identifier: &str) -> [u8; KEY_LEN] {
        *blake3::keyed_hash(self.erased.expose_secret(), identifier.as_bytes()).as_bytes()
    }

    /// What stands for a person.
    pub(super) fn mark(&self, person: &str) -> Mark {
        let mut mark = Mark::default();
        blake3::Hasher::new_keyed(self.marks.expose_secret()).update(person.as_bytes()).finalize_xof().fill(&mut mark);
        mark
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn key(byte: u8) -> Secret {
        SecretBox::new(Box::new([byte; KEY_LEN]))
    }

    #[test]
    fn a_generated_key_is_one_that_is_read_and_no_two_are_alike() {
        let [one, other] = [(); 2].map(|()| OperatorKey::generate().unwrap());
        assert_ne!(one, other);
        let read = |text: &str| OperatorKey::parse(&SecretString::from(text)).unwrap().fingerprint;
        assert_ne!(read(&one), read(&other));
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_as_it_was_and_in_no_other_way(
            plain in vec(any::<u8>(), 0..300),
            usage in vec(any::<u8>(), 0..12),
            at in any::<prop::sample::Index>(),
            flip in 1..=u8::MAX,
        ) {
            let (one, other) = (DataKey::new(7, key(1)), DataKey::new(7, key(2)));
            let sealed = one.seal(&usage, &plain).unwrap();
            let (id, rest) = key_id(&sealed).unwrap();
            prop_assert_eq!(id, 7);
            prop_assert_eq!(one.open(&usage, rest), Some(plain.clone()));
            prop_assert_eq!(other.open(&usage, rest), None);
            prop_assert_eq!(one.open(&[&usage[..], &[0]].concat(), rest), None);
            let mut changed = rest.to_vec();
            let at = at.index(changed.len());
            changed[at] ^= flip;
            prop_assert_eq!(one.open(&usage, &changed), None);
            prop_assert_eq!(one.open(&usage, &rest[..at]), None);
            prop_assert_ne!(one.seal(&usage, &plain).unwrap(), &sealed[..], "each time with another nonce");
            prop_assert!(plain.len() < 4 || !rest.windows(plain.len()).any(|window| window == plain));
        }

        #[test]
        fn a_name_is_sealed_alike_and_opens_as_it_was(name in ".*", other in ".*", kinds in (0..40_u8, 0..40_u8)) {
            let (one, second) = (Names::new(&key(1)), Names::new(&key(2)));
            let sealed = one.seal(kinds.0, &name).unwrap();
            prop_assert_eq!(&one.seal(kinds.0, &name).unwrap(), &sealed);
            prop_assert_eq!(one.open(kinds.0, &sealed), Some(name.clone()));
            prop_assert_eq!(second.open(kinds.0, &sealed), None);
            prop_assert_ne!(&second.seal(kinds.0, &name).unwrap(), &sealed);
            // Neither the text nor the nonce in front of it: it must not be used for two texts.
            let is_same = (kinds.0, &name) == (kinds.1, &other);
            let also = one.seal(kinds.1, &other).unwrap();
            prop_assert_eq!(also == sealed, is_same);
            prop_assert_eq!(also[..16] == sealed[..16], is_same);
            prop_assert_eq!(one.mark(&name) == one.mark(&other), name == other);
            prop_assert_ne!(one.mark(&name), second.mark(&name));
            prop_assert_ne!(one.hash(name.as_bytes()), second.hash(name.as_bytes()));
            prop_assert_ne!(one.hash(name.as_bytes()), blake3::hash(name.as_bytes()));
        }

        #[test]
        fn a_signature_holds_for_these_bytes_under_this_key_only(bytes in vec(any::<u8>(), 0..90), at in any::<prop::sample::Index>()) {
            let of = |byte| OperatorKeys(vec![OperatorKey::new(&[byte; KEY_LEN])]);
            let signature = of(1).sign(&bytes).unwrap();
            prop_assert_eq!(of(1).verify(&bytes, &signature), Some(true));
            prop_assert_eq!(of(2).verify(&bytes, &signature), None);
            let mut changed = bytes.clone();
            changed.push(0);
            prop_assert_eq!(of(1).verify(&changed, &signature), Some(false));
            let mut value = signature.value.clone().into_bytes();
            let at = at.index(value.len());
            value[at] = if value[at] == b'0' { b'1' } else { b'0' };
            let forged = Signature { value: String::from_utf8(value).unwrap(), ..signature };
            prop_assert_eq!(of(1).verify(&bytes, &forged), Some(false));
        }

        #[test]
        fn a_wrapped_key_is_its_owner_s_only(owner in vec(any::<u8>(), 1..17), other in vec(any::<u8>(), 1..17)) {
            let (operator, another) = (OperatorKey::new(&[1; KEY_LEN]), OperatorKey::new(&[2; KEY_LEN]));
            let wrapped = operator.wrap(&owner, &key(9)).unwrap();
            let opened = operator.unwrap(&owner, &wrapped).unwrap();
            prop_assert_eq!(opened.expose_secret(), &[9; KEY_LEN]);
            prop_assert!(another.unwrap(&owner, &wrapped).is_none());
            prop_assert!(owner == other || operator.unwrap(&other, &wrapped).is_none());
            prop_assert_ne!(operator.fingerprint, another.fingerprint);
        }
    }
}
