//! "Did you mean": the known word nearest to one that is not known.

/// The nearest of `known`, if it is near enough for a typing mistake.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Work is bounded whatever was written.
    if word.chars().count() > 60 {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace(['_', ' '], "-");
    let written = plain(word);
    let near = (written.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|candidate| {
            let shown = plain(candidate);
            let begins = written.len() >= 3 && (shown.starts_with(&written) || written.starts_with(&shown));
            (distance(&written, &shown), !begins, candidate)
        })
        .filter(|(steps, apart, _)| *steps <= near || !*apart)
        .min_by_key(|(steps, apart, _)| (*apart && *steps > 1, *steps))
        .map(|(.., candidate)| candidate)
}

/// How many characters must be inserted, deleted, replaced or swapped with the next one.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    let mut last = None;
    for (at, letter) in left.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(at + 1);
        for (column, other) in right.iter().enumerate() {
            let of = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX - 1);
            let mut steps = (of(&row, column) + usize::from(letter != *other))
                .min(of(&row, column + 1) + 1)
                .min(of(&next, column) + 1);
            let swapped = column > 0 && last == Some(*other) && right.get(column - 1) == Some(&letter);
            if swapped {
                steps = steps.min(of(&before, column - 1) + 1);
            }
            next.push(steps);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(letter);
    }
    row.last().copied().unwrap_or_default()
}

/// `a, b or c`.
pub(super) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_hand_are_recognised() {
        let keys = ["locale", "currency", "country", "customer_group", "time_zone", "product_url"];
        assert_eq!(nearest("currancy", keys), Some("currency"));
        assert_eq!(nearest("timezone", keys), Some("time_zone"));
        assert_eq!(nearest("time-zone", keys), Some("time_zone"));
        assert_eq!(nearest("lcoale", keys), Some("locale"));
        assert_eq!(nearest("Locale", keys), Some("locale"));
        assert_eq!(nearest("customer", keys), Some("customer_group"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest("", keys), None);
        assert_eq!(nearest(&"x".repeat(100_000), keys), None);
    }

    #[test]
    fn distance_counts_swaps_once() {
        assert_eq!(distance("abcd", "abcd"), 0);
        assert_eq!(distance("abcd", "bacd"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("euro", "eur"), 1);
    }

    #[test]
    fn lists_read_as_a_sentence() {
        assert_eq!(listed(["a"]), "a");
        assert_eq!(listed(["a", "b", "c"]), "a, b or c");
    }
}
