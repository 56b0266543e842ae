//! Dates of letters in the form of RFC 5322, always in UTC.

use crate::platform::UnixTime;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const SECONDS_PER_DAY: u64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01 in the proleptic Gregorian calendar.
const DAYS_BEFORE_EPOCH: u64 = 719_468;
const DAYS_PER_ERA: u64 = 146_097;

/// `time` as `Sat, 21 Nov 2026 22:15:00 +0000`.
pub fn format_date(time: UnixTime) -> String {
    let days = time.0 / SECONDS_PER_DAY;
    let second = time.0 % SECONDS_PER_DAY;
    let (year, month, day) = civil(days);
    let weekday = DAYS.get((days % 7) as usize).unwrap_or(&"");
    let month = MONTHS.get(month - 1).unwrap_or(&"");
    format!(
        "{weekday}, {day:02} {month} {year:04} {:02}:{:02}:{:02} +0000",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// The time that [`format_date`] wrote; `None` for any other text.
pub fn parse_date(text: &str) -> Option<UnixTime> {
    let mut parts = text.split_once(", ")?.1.split(' ');
    let day: u64 = parts.next()?.parse().ok()?;
    let month = parts.next()?;
    let month = 1 + MONTHS.iter().position(|name| *name == month)?;
    let year: u64 = parts.next()?.parse().ok().filter(|year| *year < 10_000)?;
    let mut clock = parts
        .next()?
        .split(':')
        .map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let days = days_since_epoch(year, month as u64, day)?;
    let of_day = hour
        .checked_mul(3600)?
        .checked_add(minute.checked_mul(60)?)?;
    let time = days.checked_mul(SECONDS_PER_DAY)?;
    let time = UnixTime(time.checked_add(of_day.checked_add(second)?)?);
    (format_date(time) == text).then_some(time)
}

/// Year, month (1 to 12) and day of the `days`-th day after 1970-01-01. Years begin in March here,
/// so that the leap day is the last of its year.
fn civil(days: u64) -> (u64, usize, u64) {
    let days = days + DAYS_BEFORE_EPOCH;
    let era = days / DAYS_PER_ERA;
    let of_era = days % DAYS_PER_ERA;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month as usize, day)
}

fn days_since_epoch(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = year.checked_sub(u64::from(month <= 2))?;
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + day.checked_sub(1)?;
    let year_of_era = year % 400;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    (year / 400 * DAYS_PER_ERA + of_era).checked_sub(DAYS_BEFORE_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_are_written_as_they_are_known() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (1_000_000_000, "Sun, 09 Sep 2001 01:46:40 +0000"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 +0000"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 +0000"),
        ] {
            assert_eq!(format_date(UnixTime(seconds)), text);
            assert_eq!(parse_date(text), Some(UnixTime(seconds)));
        }
    }

    #[test]
    fn other_texts_are_no_dates() {
        for text in [
            "",
            "Thu, 01 Jan 1970 00:00:00",
            "Fri, 01 Jan 1970 00:00:00 +0000",
            "Thu, 31 Feb 1970 00:00:00 +0000",
            "Thu, 01 Jan 1970 25:00:00 +0000",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_moment_is_read_as_it_was_written(seconds in 0u64..100_000_000_000) {
            let time = UnixTime(seconds);
            proptest::prop_assert_eq!(parse_date(&format_date(time)), Some(time));
        }
    }
}
