//! Dates and lengths of time, as servers write them.

use core::time::Duration;

/// A length of time with its units, as in `1h2m3.5s`.
pub(crate) fn span(text: &str) -> Option<Duration> {
    span_at_front(text).filter(|(_, rest)| rest.is_empty()).map(|(span, _)| span)
}

/// The same at the front of a text, and what follows.
pub(crate) fn span_at_front(text: &str) -> Option<(Duration, &str)> {
    const UNITS: [(&str, f64); 5] =
        [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86400.0)];
    let digit = |char: char| char.is_ascii_digit() || char == '.';
    let (mut seconds, mut rest) = (None, text);
    while let Some((number, unit)) =
        rest.find(|char: char| !digit(char)).and_then(|end| rest.split_at_checked(end))
        && let Ok(number) = number.parse::<f64>()
        && let Some((behind, in_seconds)) =
            UNITS.iter().find_map(|(name, scale)| Some((unit.strip_prefix(name)?, *scale)))
    {
        seconds = Some(seconds.unwrap_or_default() + number * in_seconds);
        rest = behind;
    }
    Some((Duration::try_from_secs_f64(seconds?).ok()?, rest))
}

/// A date and time as HTTP headers have them (`Sun, 06 Nov 1994 08:49:37 GMT`), as the time since
/// 1970-01-01T00:00:00Z. Source: RFC 9110, section 5.6.7; the obsolete forms are not read.
pub(crate) fn http_date(text: &str) -> Option<Duration> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, date) = text.trim().split_once(", ")?;
    let mut parts = date.split(' ');
    let day = parts.next()?;
    let month = parts.next()?;
    let month = MONTHS.iter().zip(1..).find(|(name, _)| **name == month)?.1;
    let (year, time) = (parts.next()?, parts.next()?);
    if parts.next() != Some("GMT") || parts.next().is_some() {
        return None;
    }
    date_time(&alloc::format!("{year}-{month:02}-{day}T{time}Z"))
}

/// A date and time of RFC 3339, as the time since 1970-01-01T00:00:00Z.
pub(crate) fn date_time(text: &str) -> Option<Duration> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let zone = time.rfind(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at_checked(zone)?;
    let [year, month, day] = numbers(date, '-')?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(clock, ':')?;
    let february = if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) { 29 } else { 28 };
    let last = match month {
        2 => february,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let in_range = (1..=12).contains(&month)
        && (1..=last).contains(&day)
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
        && hour < 24
        && minute < 60
        && second <= 60;
    if !in_range {
        return None;
    }
    let fraction: f64 = alloc::format!("0.{fraction}").parse().ok()?;
    let offset = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => 0,
        (sign, zone) => {
            let [hours, minutes] = numbers(zone, ':').filter(|[h, m]| *h < 24 && *m < 60)?;
            let seconds = hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?;
            if sign == "-" { seconds } else { seconds.checked_neg()? }
        }
    };
    let seconds = [hour.checked_mul(3600)?, minute.checked_mul(60)?, second, offset];
    let seconds = seconds
        .into_iter()
        .try_fold(days(year, month, day)?.checked_mul(86400)?, i64::checked_add)?;
    let fraction = Duration::try_from_secs_f64(fraction).ok()?;
    Duration::from_secs(u64::try_from(seconds).ok()?).checked_add(fraction)
}

/// Exactly so many numbers.
fn numbers<const N: usize>(text: &str, between: char) -> Option<[i64; N]> {
    let mut numbers = [0; N];
    let mut texts = text.split(between);
    for number in &mut numbers {
        let text = texts.next().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = text.parse().ok()?;
    }
    texts.next().is_none().then_some(numbers)
}

/// Days since 1970-01-01. Years are counted from March, so that the leap day is their last.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let month = if month <= 2 { month.checked_add(9)? } else { month.checked_sub(3)? };
    let leap = [year.div_euclid(4), year.div_euclid(400)];
    let leap = leap.into_iter().try_fold(0, i64::checked_add)?.checked_sub(year.div_euclid(100))?;
    // From March on the months have 153 days in every five.
    let months = month.checked_mul(153)?.checked_add(2)?.div_euclid(5);
    let parts = [year.checked_mul(365)?, leap, months, day];
    // 719,469 days before 1970 begins the year that all this counts from.
    parts.into_iter().try_fold(0, i64::checked_add)?.checked_sub(719_469)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", Some(0.0)),
            ("2000-02-29T12:00:00Z", Some(951_825_600.0)),
            ("2026-11-21T10:00:30Z", Some(1_795_255_230.0)),
            ("2026-11-21t10:00:30.25z", Some(1_795_255_230.25)),
            ("2026-11-21T12:00:30+02:00", Some(1_795_255_230.0)),
            ("2026-11-21T05:00:30-05:00", Some(1_795_255_230.0)),
            ("2100-03-01T00:00:00Z", Some(4_107_542_400.0)),
            ("1969-12-31T23:59:59Z", None),
            ("2026-13-21T10:00:30Z", None),
            ("2026-11-21T10:00Z", None),
            ("2026-11-21T10:00:30", None),
            ("2026-11-21", None),
            ("2026-02-29T00:00:00Z", None),
            ("2026-06-31T00:00:00Z", None),
            ("2026-11-21T10:00:30.5e9Z", None),
            ("2026-11-21T10:00:30+99:00", None),
            ("", None),
            ("é", None),
            ("99999999999999999999-01-01T00:00:00Z", None),
        ] {
            assert_eq!(date_time(text).map(|at| at.as_secs_f64()), seconds, "{text}");
        }
    }

    #[test]
    fn dates_of_headers() {
        for (text, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Sat, 21 Nov 2026 10:00:30 GMT", Some(1_795_255_230)),
            ("Sat, 21 Nov 2026 10:00:30 UTC", None),
            ("Sat, 21 Foo 2026 10:00:30 GMT", None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun Nov  6 08:49:37 1994", None),
            ("", None),
        ] {
            assert_eq!(http_date(text).map(|at| at.as_secs()), seconds, "{text}");
        }
    }
}
