//! Numbers as people read them.

use std::time::Duration;

use crate::store::Time;

/// `16100` as `16,100`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes, in the unit that keeps it short.
pub(crate) fn bytes(number: u64) -> String {
    indicatif::BinaryBytes(number).to_string()
}

/// How many bytes a second that was.
pub(crate) fn throughput(number: u64, took: Duration) -> String {
    let milliseconds = took.as_millis().max(1);
    let a_second = u128::from(number) * 1000 / milliseconds;
    format!("{}/s", bytes(u64::try_from(a_second).unwrap_or(u64::MAX)))
}

/// A moment in UTC: `2026-11-23 09:30:00`.
pub(crate) fn time(time: Time) -> String {
    let (days, second) = (time.seconds.div_euclid(86_400), time.seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// The date that lies `days` after 1970-01-01. Counts years from March, so that the leap day is the last of its year, in
/// eras of 400 years, which all have the same number of days.
fn date(days: i64) -> (i64, i64, i64) {
    let from_era = days + 719_468; // since 0000-03-01
    let (era, day) = (from_era.div_euclid(146_097), from_era.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153; // 0 is March
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}
