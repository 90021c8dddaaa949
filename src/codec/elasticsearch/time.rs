//! Times as Elasticsearch's `strict_date_optional_time_nanos` reads them.

/// Appends `2026-11-22T20:15:30.123456789Z`, in quotes.
#[inline]
pub(crate) fn write_nanos(time_ns: u64, out: &mut Vec<u8>) {
    let (seconds, nanos) = (time_ns / 1_000_000_000, time_ns % 1_000_000_000);
    let (days, second_of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil_from_days(days);
    let mut text = *b"\"0000-00-00T00:00:00.000000000Z\"";
    put(&mut text[1..5], year);
    put(&mut text[6..8], month);
    put(&mut text[9..11], day);
    put(&mut text[12..14], second_of_day / 3600);
    put(&mut text[15..17], second_of_day / 60 % 60);
    put(&mut text[18..20], second_of_day % 60);
    put(&mut text[21..30], nanos);
    out.extend_from_slice(&text);
}

#[inline]
fn put(digits: &mut [u8], mut number: u64) {
    for two in digits.rchunks_mut(2) {
        let last = (number % 100) as u8;
        number /= 100;
        match two {
            [tens, ones] => (*tens, *ones) = (b'0' + last / 10, b'0' + last % 10),
            [ones] => *ones = b'0' + last,
            _ => {}
        }
    }
}

/// Year, month and day of a day since 1970-01-01 (Howard Hinnant's algorithm, for days >= 0).
const fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + (month <= 2) as u64;
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_nanoseconds_as_jiff_does() {
        for time_ns in [0, 1, 951_782_399_999_999_999, 1_795_378_530_123_456_789, 4_107_542_399_000_000_001, u64::MAX] {
            let mut out = Vec::new();
            write_nanos(time_ns, &mut out);
            let at = jiff::Timestamp::from_nanosecond(i128::from(time_ns)).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), format!("\"{at:.9}\""));
        }
    }
}
