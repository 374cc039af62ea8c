//! Redacts answers before they are shown.
//!
//! An excerpt of an answer goes into faults, attempts and dead letters, which people read and stores keep. Known
//! secrets, text that looks like tokens and keys, and e-mail addresses are replaced first.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use model::fitting;
use secrecy::{ExposeSecret, SecretString};

const HIDDEN: &str = "[redacted]";

/// Members and parameters whose values are never shown, in lower case, without `_` and `-`.
const NAMES: [&str; 12] = [
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "clientsecret",
    "privatekey",
    "apikey",
    "apitoken",
    "secret",
    "password",
    "authorization",
    "xapikey",
    "token",
];

/// Most bytes of an excerpt before redaction.
const EXCERPT: usize = 4096;

/// Most bytes of a text that is redacted: more of it is never shown.
const LONGEST: usize = 2 * EXCERPT;

/// Tokens that are known besides the secrets: the current one, and the one before it.
const TOKENS: usize = 2;

/// Replaces secrets and personal data in text. Clones share what they learn.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<SecretString>,
    tokens: Arc<Mutex<VecDeque<SecretString>>>,
}

impl Redactor {
    /// A redactor that knows these secrets by their text, and in the forms in which JSON, URLs and base64 hold them.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let mut known: Vec<String> = secrets.into_iter().flat_map(|secret| forms(secret.expose_secret())).collect();
        known.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
        known.dedup();
        Self { secrets: known.into_iter().map(SecretString::from).collect(), tokens: Arc::default() }
    }

    /// Takes note of a token that was granted: a server may say it back.
    pub fn learn(&self, token: &str) {
        if token.len() < SHORTEST {
            return;
        }
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= TOKENS {
            tokens.pop_front();
        }
        tokens.push_back(SecretString::from(token));
    }

    /// The beginning of a body as text without secrets, e-mail addresses and control characters, at most about 4 KB.
    pub fn excerpt(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body.get(..EXCERPT).unwrap_or(body));
        let cut = body.len() > EXCERPT;
        // A secret at the cut can't be recognised, so the last word is removed.
        let end = if cut { text.rfind(|c: char| !is_word(c)).unwrap_or(0) } else { text.len() };
        let mut shown = fitting(self.redact(text.get(..end).unwrap_or_default()), usize::MAX);
        if cut {
            shown.push('…');
        }
        shown
    }

    /// `text` without secrets and e-mail addresses, at most about 8 KB of it.
    pub fn redact(&self, text: &str) -> String {
        let mut text = beginning(text).to_owned();
        let mut hide = |secret: &SecretString| {
            if text.contains(secret.expose_secret()) {
                text = text.replace(secret.expose_secret(), HIDDEN);
            }
        };
        self.secrets.iter().for_each(&mut hide);
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(hide);
        without_addresses(&without_named(&text))
    }
}

/// Shorter secrets are not looked for: they would blank out ordinary words.
const SHORTEST: usize = 6;

/// A secret in the forms in which a text may hold it; none where it is too short.
fn forms(secret: &str) -> Vec<String> {
    if secret.len() < SHORTEST {
        return Vec::new();
    }
    let json = serde_json::Value::from(secret).to_string();
    let json = json.trim_matches('"').to_owned();
    let percent = crate::query::encoded(secret);
    let lower = lower_percent(&percent);
    let slashed = json.replace('/', "\\/");
    vec![secret.to_owned(), json, slashed, percent, lower, STANDARD.encode(secret), URL_SAFE_NO_PAD.encode(secret)]
}

/// The same with the digits of encoded bytes in lower case.
fn lower_percent(encoded: &str) -> String {
    let mut pieces = encoded.split('%');
    let mut lower = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).unwrap_or((piece, ""));
        lower.push('%');
        lower.push_str(&digits.to_ascii_lowercase());
        lower.push_str(rest);
    }
    lower
}

/// The beginning of a text that is redacted. What straddles its end can't be recognised: the last word goes.
fn beginning(text: &str) -> &str {
    if text.len() <= LONGEST {
        return text;
    }
    let cut = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let text = text.get(..cut).unwrap_or_default();
    text.get(..text.rfind(|c: char| !is_word(c)).unwrap_or(0)).unwrap_or_default()
}

impl fmt::Debug for Redactor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Redactor({} secrets)", self.secrets.len())
    }
}

/// Replaces the values of `name=value`, `"name": "value"` and `Bearer value`.
fn without_named(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let end = from.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        out.push_str(word);
        rest = after;
        if let Some((between, beyond)) = hidden_value(word, after) {
            out.push_str(between);
            out.push_str(HIDDEN);
            rest = beyond;
        }
    }
    out.push_str(rest);
    out
}

/// If `word` names a secret: the text between it and the value, and the text after the value.
fn hidden_value<'a>(word: &str, after: &'a str) -> Option<(&'a str, &'a str)> {
    let plain: String = word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let scheme = plain == "bearer" || plain == "basic";
    if !scheme && !NAMES.contains(&plain.as_str()) {
        return None;
    }
    let value_at = after.find(|c: char| !matches!(c, ' ' | '"' | '\'' | '=' | ':' | '\\'))?;
    let (between, from) = after.split_at(value_at);
    // A scheme is followed by a space, a name by an equals sign or a colon.
    let separated = if scheme { between.starts_with(' ') } else { between.contains(['=', ':']) };
    let end = value_end(from, between.contains('"'));
    // "Bearer realm" in a sentence is no token.
    let long_enough = !scheme || end >= 8;
    (separated && long_enough && end > 0).then(|| (between, from.get(end..).unwrap_or_default()))
}

/// Where a value ends: quoted, at the next quote that is not escaped; else at whatever can't be part of one. A value may
/// itself begin with a scheme, as that of `Authorization` does.
fn value_end(value: &str, quoted: bool) -> usize {
    let scheme = ["Bearer ", "bearer ", "Basic ", "basic "].into_iter().find(|scheme| value.starts_with(scheme));
    let begin = scheme.map_or(0, str::len);
    let mut escaped = false;
    let ends = |c: char| {
        if !quoted {
            return c.is_whitespace() || matches!(c, '&' | '"' | '\'' | ',' | ';' | '}' | ')' | '<');
        }
        let end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        end
    };
    value.get(begin..).and_then(|rest| rest.find(ends)).map_or(value.len(), |end| begin + end)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-' | '@' | '=' | '/')
}

/// Replaces `local@host.tld`.
fn without_addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (before, from) = rest.split_at(at);
        let local = before
            .rfind(|c: char| !is_local(c))
            .map_or(0, |i| i + before.get(i..).and_then(|s| s.chars().next()).map_or(1, char::len_utf8));
        let host = from.get(1..).unwrap_or_default();
        let length = host.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-'))).unwrap_or(host.len());
        let name = host.get(..length).unwrap_or_default().trim_end_matches('.');
        if local < at && name.contains('.') {
            out.push_str(before.get(..local).unwrap_or_default());
            out.push_str(HIDDEN);
            rest = host.get(name.len()..).unwrap_or_default();
        } else {
            out.push_str(before);
            out.push('@');
            rest = host;
        }
    }
    out.push_str(rest);
    out
}

fn is_local(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(
            c,
            '.' | '_'
                | '%'
                | '+'
                | '-'
                | '\''
                | '!'
                | '#'
                | '$'
                | '&'
                | '*'
                | '/'
                | '='
                | '?'
                | '^'
                | '`'
                | '{'
                | '|'
                | '}'
                | '~'
        )
}
