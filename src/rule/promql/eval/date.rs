//! Parts of a UTC date, by civil-calendar arithmetic over any second an `i64` holds.

use super::super::function::DateFn;

const DAY: i64 = 86_400;

/// Go's calendar begins here; earlier seconds wrap round to its end.
const FIRST_SECOND: i64 = -9_223_372_028_715_321_600;

/// A value as whole seconds, as Go converts it: towards zero, the least integer when out of range.
pub(super) fn whole_seconds(value: f64) -> i64 {
    let fits = (i64::MIN as f64..i64::MAX as f64).contains(&value);
    if fits { value as i64 } else { i64::MIN }
}

/// One part of the date `seconds` after the epoch.
pub(super) fn part(function: DateFn, seconds: i64) -> f64 {
    let wrapped = i128::from(seconds) + if seconds < FIRST_SECOND { 1 << 64 } else { 0 };
    let day = i64::try_from(wrapped.div_euclid(DAY.into())).unwrap_or(i64::MAX);
    let second = i64::try_from(wrapped.rem_euclid(DAY.into())).unwrap_or(0);
    let (year, month, of_month) = civil(day);
    let part = match function {
        DateFn::Minute => second / 60 % 60,
        DateFn::Hour => second / 3600,
        DateFn::DayOfWeek => (day + 4).rem_euclid(7),
        DateFn::DayOfMonth => of_month,
        DateFn::DayOfYear => (1..month).map(|month| days_in(year, month)).sum::<i64>() + of_month,
        DateFn::DaysInMonth => days_in(year, month),
        DateFn::Month => month,
        DateFn::Year => year,
    };
    part as f64
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Year, month and day of month of a day since the epoch: eras of 400 years, years that begin in March.
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, of_month)
}

#[cfg(test)]
mod tests {
    use super::super::super::function::DateFn as D;
    use super::part;

    #[test]
    fn parts_of_known_instants() {
        // 2024-02-29T23:59:59Z, the epoch, 1969-12-31T23:59:59Z, what NaN and infinities become
        let cases = [
            (1_709_251_199, [59.0, 23.0, 4.0, 29.0, 60.0, 29.0, 2.0, 2024.0]),
            (0, [0.0, 0.0, 4.0, 1.0, 1.0, 31.0, 1.0, 1970.0]),
            (-1, [59.0, 23.0, 3.0, 31.0, 365.0, 31.0, 12.0, 1969.0]),
            (super::whole_seconds(f64::NAN), [30.0, 15.0, 0.0, 4.0, 339.0, 31.0, 12.0, 292_277_026_596.0]),
        ];
        let functions =
            [D::Minute, D::Hour, D::DayOfWeek, D::DayOfMonth, D::DayOfYear, D::DaysInMonth, D::Month, D::Year];
        for (seconds, parts) in cases {
            assert_eq!(functions.map(|function| part(function, seconds)), parts, "{seconds}");
        }
    }
}
