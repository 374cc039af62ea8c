//! Text from outside, as it may be kept, logged and shown.

/// The text without control characters, which could forge lines of a log or speak to a terminal, and cut at so many bytes.
/// Line breaks and tabs stay.
#[must_use]
pub fn fitting(text: String, most: usize) -> String {
    fit(text, most, |c| is_control(c) && !matches!(c, '\n' | '\r' | '\t'))
}

/// The same as one line.
#[must_use]
pub fn fitting_line(text: String, most: usize) -> String {
    fit(text, most, is_control)
}

fn fit(mut text: String, most: usize, is_unfit: impl Fn(char) -> bool) -> String {
    const CUT: char = '…';
    if text.len() > most {
        let room = most.saturating_sub(CUT.len_utf8());
        text.truncate((0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0));
        text.push(CUT);
        text.shrink_to_fit();
    }
    if text.contains(&is_unfit) { text.replace(is_unfit, " ") } else { text }
}

/// Control characters of ASCII and Unicode, separators of lines, and what turns the direction of text around.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
