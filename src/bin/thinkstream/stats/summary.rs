//! What many recordings come to: sums, and what is usual.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::figures::{COLUMNS, COMPLETE, Figures, Tokens, UNREADABLE, Value};

/// The sums and the percentiles of all recordings.
pub(crate) struct Summary<'a> {
    rows: &'a [Figures],
}

impl<'a> Summary<'a> {
    pub(crate) fn of(rows: &'a [Figures]) -> Self {
        Self { rows }
    }

    /// The sum of a count over the recordings that have it. What the cache gave is the share of all
    /// prompts of which both are known; of what cannot be added up there is no sum.
    pub(crate) fn sum(&self, column: usize) -> Value {
        let add = |column: usize| {
            let values = self.values(column).filter_map(|value| match value {
                Value::Count(count) => count,
                _ => None,
            });
            values.reduce(u64::saturating_add)
        };
        match COLUMNS.get(column).map(|column| (column.value)(&Figures::default())) {
            Some(Value::Count(_)) => Value::Count(add(column)),
            Some(Value::Percent(_)) => Value::Percent(self.cache_hit_percent()),
            _ => Value::Text(None),
        }
    }

    /// The value that so many percent of the recordings do not pass: the nearest rank, so that it is
    /// one of the values and not between two.
    pub(crate) fn percentile(&self, column: usize, percent: usize) -> Value {
        let mut numbers: Vec<f64> =
            self.values(column).filter_map(|value| value.number()).collect();
        numbers.sort_by(f64::total_cmp);
        let rank = (numbers.len() * percent).div_ceil(100).saturating_sub(1);
        let number = numbers.get(rank).copied();
        match COLUMNS.get(column).map(|column| (column.value)(&Figures::default())) {
            Some(Value::Milliseconds(_)) => Value::Milliseconds(number),
            Some(Value::Rate(_)) => Value::Rate(number),
            _ => Value::Text(None),
        }
    }

    fn values(&self, column: usize) -> impl Iterator<Item = Value> {
        let value = COLUMNS.get(column).map(|column| column.value);
        self.rows.iter().filter_map(move |row| value.map(|value| value(row)))
    }

    fn cache_hit_percent(&self) -> Option<f64> {
        let known = self.rows.iter().filter(|row| row.tokens.cache_hit_percent().is_some());
        let all = known.fold(Tokens::default(), |sum, row| Tokens {
            input: add(sum.input, row.tokens.input),
            cache_read: add(sum.cache_read, row.tokens.cache_read),
            ..sum
        });
        all.cache_hit_percent()
    }

    fn outcomes(&self, is: impl Fn(&str) -> bool) -> usize {
        self.rows.iter().filter(|row| is(&row.outcome)).count()
    }
}

impl Serialize for Summary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "summary")?;
        map.serialize_entry("recordings", &self.rows.len())?;
        map.serialize_entry("complete", &self.outcomes(|outcome| outcome == COMPLETE))?;
        let failed = self.outcomes(|outcome| outcome != COMPLETE && outcome != UNREADABLE);
        map.serialize_entry("failed", &failed)?;
        map.serialize_entry("unreadable", &self.outcomes(|outcome| outcome == UNREADABLE))?;
        map.serialize_entry("sum", &Known(|column| self.sum(column)))?;
        map.serialize_entry("p50", &Known(|column| self.percentile(column, 50)))?;
        map.serialize_entry("p95", &Known(|column| self.percentile(column, 95)))?;
        map.end()
    }
}

/// The columns that have a value.
struct Known<F>(F);

impl<F: Fn(usize) -> Value> Serialize for Known<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (at, column) in COLUMNS.iter().enumerate() {
            let value = (self.0)(at);
            if value.is_known() {
                map.serialize_entry(column.name, &value)?;
            }
        }
        map.end()
    }
}

fn add(sum: Option<u64>, more: Option<u64>) -> Option<u64> {
    [sum, more].into_iter().flatten().reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn row(ms: Option<u64>, read: Option<u64>, input: Option<u64>) -> Figures {
        let mut row = Figures { outcome: COMPLETE.to_owned(), ..Figures::default() };
        row.times.total = ms.map(Duration::from_millis);
        (row.tokens.cache_read, row.tokens.input) = (read, input);
        row
    }

    fn at(name: &str) -> usize {
        COLUMNS.iter().position(|column| column.name == name).unwrap()
    }

    #[test]
    fn percentiles_are_values() {
        let time = |numbers: &[u64], percent| {
            let rows: Vec<_> = numbers.iter().map(|ms| row(Some(*ms), None, None)).collect();
            Summary::of(&rows).percentile(at("total_ms"), percent).number()
        };
        assert_eq!(time(&[], 50), None);
        assert_eq!(time(&[7], 50), Some(7.0));
        assert_eq!(time(&[7], 95), Some(7.0));
        assert_eq!(time(&[9, 1], 50), Some(1.0));
        assert_eq!(time(&[3, 1, 2], 50), Some(2.0));
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(time(&hundred, 50), Some(50.0));
        assert_eq!(time(&hundred, 95), Some(95.0));
        let twenty: Vec<u64> = (1..=21).collect();
        assert_eq!(time(&twenty, 95), Some(20.0));
    }

    #[test]
    fn what_is_unknown_counts_nowhere() {
        let rows = [
            row(None, Some(90), Some(100)),
            row(Some(4), None, Some(1000)),
            row(None, Some(0), Some(100)),
        ];
        let summary = Summary::of(&rows);
        assert_eq!(summary.sum(at("input_tokens")), Value::Count(Some(1200)));
        assert_eq!(summary.sum(at("cache_read_tokens")), Value::Count(Some(90)));
        assert_eq!(summary.sum(at("cache_hit_percent")), Value::Percent(Some(45.0)));
        assert_eq!(summary.sum(at("output_tokens")), Value::Count(None));
        assert_eq!(summary.sum(at("total_ms")), Value::Text(None));
        assert_eq!(summary.percentile(at("total_ms"), 95), Value::Milliseconds(Some(4.0)));
        assert_eq!(summary.percentile(at("input_tokens"), 95), Value::Text(None));
        let json = serde_json::to_value(&summary).unwrap();
        assert_eq!((&json["recordings"], &json["complete"]), (&3.into(), &3.into()));
        assert!(json["sum"].get("output_tokens").is_none());
    }
}
