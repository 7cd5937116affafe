//! What the columns of a table are.
use parquet::basic::{LogicalType, Type as Physical};
use std::fmt;
use std::path::Path;

/// What all fields of a column are, empty ones apart.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Whole,
    Number,
    YesOrNo,
    Text,
}

/// A column as it was read.
pub struct Column {
    pub name: String,
    pub kind: Kind,
    pub fields: Vec<String>,
}

/// Reads a table with a line of names.
pub fn read(path: &Path) -> Result<Vec<Column>, csv::Error> {
    let mut reader = csv::Reader::from_path(path)?;
    let mut columns: Vec<Column> = reader
        .headers()?
        .iter()
        .map(|name| Column {
            name: name.into(),
            kind: Kind::Text,
            fields: Vec::new(),
        })
        .collect();
    for row in reader.into_records() {
        for (column, field) in columns.iter_mut().zip(&row?) {
            column.fields.push(field.into());
        }
    }
    for column in &mut columns {
        let kinds = [Kind::Whole, Kind::Number, Kind::YesOrNo];
        let fits = |kind: &Kind| {
            let mut there = column
                .fields
                .iter()
                .filter(|field| !field.is_empty())
                .peekable();
            there.peek().is_some() && there.all(|field| kind.has(field))
        };
        column.kind = kinds.into_iter().find(fits).unwrap_or(Kind::Text);
    }
    Ok(columns)
}

impl Kind {
    fn has(self, field: &str) -> bool {
        match self {
            Kind::Whole => field.parse::<i64>().is_ok(),
            // what Rust also takes for a number, as `inf` and `NaN`, is more likely a word
            Kind::Number => field.parse::<f64>().is_ok_and(f64::is_finite),
            Kind::YesOrNo => matches!(field, "true" | "false"),
            Kind::Text => true,
        }
    }

    pub fn physical(self) -> Physical {
        match self {
            Kind::Whole => Physical::INT64,
            Kind::Number => Physical::DOUBLE,
            Kind::YesOrNo => Physical::BOOLEAN,
            Kind::Text => Physical::BYTE_ARRAY,
        }
    }

    pub fn logical(self) -> Option<LogicalType> {
        (self == Kind::Text).then_some(LogicalType::String)
    }

    pub fn of(physical: Physical) -> Self {
        let all = [Kind::Whole, Kind::Number, Kind::YesOrNo];
        all.into_iter()
            .find(|kind| kind.physical() == physical)
            .unwrap_or(Kind::Text)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Whole => "whole",
            Kind::Number => "number",
            Kind::YesOrNo => "yes or no",
            Kind::Text => "text",
        })
    }
}
