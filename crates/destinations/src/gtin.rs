//! Trade item numbers.

/// A trade item number of 8, 12, 13 or 14 digits whose check digit is right (GS1 General Specifications, 7.9), and which
/// is none that stands for nothing.
pub(crate) fn is_gtin(text: &str) -> bool {
    let digits: Vec<u32> = text.trim().chars().filter_map(|digit| digit.to_digit(10)).collect();
    if digits.len() != text.trim().chars().count() || !matches!(digits.len(), 8 | 12 | 13 | 14) {
        return false;
    }
    let weighed = digits.iter().rev().enumerate().map(|(place, digit)| digit * if place % 2 == 1 { 3 } else { 1 });
    weighed.sum::<u32>().is_multiple_of(10) && digits.iter().any(|digit| *digit != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trade_item_number_has_the_right_check_digit() {
        for right in ["4006381333931", "96385074", "036000291452", "00012345600012"] {
            assert!(is_gtin(right), "{right}");
        }
        for wrong in [
            "4006381333932",
            "96385075",
            "",
            "0000000000000",
            "400638133393",
            "40063813 33931",
            "４００６３８１３３３９３１",
        ] {
            assert!(!is_gtin(wrong), "{wrong}");
        }
    }
}
