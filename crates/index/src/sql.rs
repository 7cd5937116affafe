//! The narrow interface to SQL: SQLite or Postgres behind the same statements.
//!
//! Statements are written once. Parameters are `$1, $2, ...` in the order in which they first appear, which both
//! understand; whole numbers are 64 bits wide, and `{bytes}` in the schema stands for the type of raw bytes.
use crate::{Error, Result};
use diesel::connection::SimpleConnection as _;
use diesel::deserialize::{FromSql, FromSqlRow};
use diesel::row::Field as _;
use diesel::sql_types::{BigInt, Binary, Text, Untyped};
use diesel::sqlite::{Sqlite, SqliteType};
use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};

/// One value of a row, or one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// Nothing.
    Null,
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// The whole number in a column.
    pub fn int(&self, column: usize) -> Result<i64> {
        match self.0.get(column) {
            Some(Value::Int(value)) => Ok(*value),
            other => Err(Error::unreadable(column, other)),
        }
    }

    /// The text in a column.
    pub fn text(&self, column: usize) -> Result<&str> {
        match self.0.get(column) {
            Some(Value::Text(value)) => Ok(value),
            other => Err(Error::unreadable(column, other)),
        }
    }

    /// The bytes in a column.
    pub fn bytes(&self, column: usize) -> Result<&[u8]> {
        match self.0.get(column) {
            Some(Value::Bytes(value)) => Ok(value),
            other => Err(Error::unreadable(column, other)),
        }
    }

    /// What a column's text says, such as an address or an amount.
    pub fn parse<T: std::str::FromStr>(&self, column: usize) -> Result<T> {
        let text = self.text(column)?;
        text.parse()
            .map_err(|_| Error::unreadable(column, self.0.get(column)))
    }
}

/// A connection to one of the two.
pub trait Sql: Send {
    /// Statements without parameters, separated by semicolons.
    fn script(&mut self, text: &str) -> Result<()>;
    /// One statement that returns nothing.
    fn run(&mut self, text: &str, values: &[Value]) -> Result<()>;
    /// One statement that returns rows.
    fn rows(&mut self, text: &str, values: &[Value]) -> Result<Vec<Row>>;
    /// Begins a transaction that means to write.
    fn begin(&mut self) -> Result<()>;
    /// The type of raw bytes.
    fn bytes_type(&self) -> &'static str;
}

/// Opens `postgres://...` as Postgres, everything else as a file of SQLite; `:memory:` is kept nowhere.
pub fn open(target: &str) -> Result<Box<dyn Sql>> {
    if target.starts_with("postgres://") || target.starts_with("postgresql://") {
        return Ok(Box::new(Postgres::open(target)?));
    }
    Ok(Box::new(Lite::open(target)?))
}

struct Lite(SqliteConnection);

impl Lite {
    fn open(path: &str) -> Result<Self> {
        let mut connection = SqliteConnection::establish(path).map_err(|error| Error::Open {
            target: path.into(),
            reason: error.to_string(),
        })?;
        // What is committed survives the death of this process; readers do not wait for the writer.
        connection.batch_execute(
            "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;",
        )?;
        Ok(Self(connection))
    }
}

fn bound<'a>(
    text: &'a str,
    values: &[Value],
) -> diesel::query_builder::BoxedSqlQuery<'a, Sqlite, diesel::query_builder::SqlQuery> {
    let mut query = diesel::sql_query(text).into_boxed::<Sqlite>();
    for value in values {
        query = match value.clone() {
            Value::Int(value) => query.bind::<BigInt, _>(value),
            Value::Text(value) => query.bind::<Text, _>(value),
            Value::Bytes(value) => query.bind::<Binary, _>(value),
            Value::Null => query.bind::<diesel::sql_types::Nullable<Text>, _>(None::<String>),
        };
    }
    query
}

impl FromSqlRow<Untyped, Sqlite> for Row {
    fn build_from_row<'a>(
        row: &impl diesel::row::Row<'a, Sqlite>,
    ) -> diesel::deserialize::Result<Self> {
        let mut values = Vec::with_capacity(row.field_count());
        for column in 0..row.field_count() {
            let field = row.get(column).ok_or("a column is missing")?;
            values.push(match field.value() {
                None => Value::Null,
                Some(value) => match value.value_type() {
                    Some(SqliteType::Text) => {
                        Value::Text(<String as FromSql<Text, Sqlite>>::from_sql(value)?)
                    }
                    Some(SqliteType::Binary) => {
                        Value::Bytes(<Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?)
                    }
                    _ => Value::Int(<i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?),
                },
            });
        }
        Ok(Self(values))
    }
}

impl Sql for Lite {
    fn script(&mut self, text: &str) -> Result<()> {
        Ok(self.0.batch_execute(text)?)
    }

    fn run(&mut self, text: &str, values: &[Value]) -> Result<()> {
        bound(text, values).execute(&mut self.0)?;
        Ok(())
    }

    fn rows(&mut self, text: &str, values: &[Value]) -> Result<Vec<Row>> {
        Ok(bound(text, values).load::<Row>(&mut self.0)?)
    }

    fn begin(&mut self) -> Result<()> {
        // A second writer is told at once that there is one, not at its commit.
        self.script("BEGIN IMMEDIATE")
    }

    fn bytes_type(&self) -> &'static str {
        "BLOB"
    }
}

struct Postgres(Option<postgres::Client>);

/// The driver runs a runtime of its own, which must not stand inside another's thread.
fn apart<T>(work: impl FnOnce() -> T) -> T {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => tokio::task::block_in_place(work),
        Err(_) => work(),
    }
}

impl Postgres {
    fn open(target: &str) -> Result<Self> {
        let client = apart(|| postgres::Client::connect(target, postgres::NoTls));
        client
            .map(|client| Self(Some(client)))
            .map_err(|error| Error::Open {
                // A password stays out of every message.
                target: "the Postgres server".into(),
                reason: said(&error),
            })
    }

    fn client(&mut self) -> Result<&mut postgres::Client> {
        self.0
            .as_mut()
            .ok_or_else(|| Error::Sql("the connection is closed".into()))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            apart(|| drop(client));
        }
    }
}

/// What Postgres says, not only that it said something.
fn said(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(of_database) => of_database.message().into(),
        None => error.to_string(),
    }
}

fn parameters(values: &[Value]) -> Vec<&(dyn postgres::types::ToSql + Sync)> {
    fn parameter(value: &Value) -> &(dyn postgres::types::ToSql + Sync) {
        match value {
            Value::Int(value) => value,
            Value::Text(value) => value,
            Value::Bytes(value) => value,
            Value::Null => &None::<String>,
        }
    }
    values.iter().map(parameter).collect()
}

impl Sql for Postgres {
    fn script(&mut self, text: &str) -> Result<()> {
        let client = self.client()?;
        apart(|| client.batch_execute(text)).map_err(|error| Error::Sql(said(&error)))
    }

    fn run(&mut self, text: &str, values: &[Value]) -> Result<()> {
        let client = self.client()?;
        apart(|| client.execute(text, &parameters(values)))
            .map(|_| ())
            .map_err(|error| Error::Sql(said(&error)))
    }

    fn rows(&mut self, text: &str, values: &[Value]) -> Result<Vec<Row>> {
        use postgres::types::Type;
        let client = self.client()?;
        let found = apart(|| client.query(text, &parameters(values)))
            .map_err(|error| Error::Sql(said(&error)))?;
        let mut rows = Vec::with_capacity(found.len());
        for one in &found {
            let mut values = Vec::with_capacity(one.len());
            for (column, about) in one.columns().iter().enumerate() {
                let value = match *about.type_() {
                    Type::INT8 => one
                        .try_get::<_, Option<i64>>(column)
                        .map(|v| v.map(Value::Int)),
                    Type::BYTEA => one
                        .try_get::<_, Option<Vec<u8>>>(column)
                        .map(|v| v.map(Value::Bytes)),
                    _ => one
                        .try_get::<_, Option<String>>(column)
                        .map(|v| v.map(Value::Text)),
                };
                let value = value.map_err(|error| Error::Sql(said(&error)))?;
                values.push(value.unwrap_or(Value::Null));
            }
            rows.push(Row(values));
        }
        Ok(rows)
    }

    fn begin(&mut self) -> Result<()> {
        self.script("BEGIN")
    }

    fn bytes_type(&self) -> &'static str {
        "BYTEA"
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_is_read_again_whatever_its_kind() {
        let mut sql = open(":memory:").unwrap();
        sql.script("CREATE TABLE t (a BIGINT, b TEXT, c BLOB, d TEXT)")
            .unwrap();
        let row = vec![
            Value::Int(i64::MIN),
            Value::Text("18446744073709551615".into()),
            Value::Bytes(vec![0, 255, 7]),
            Value::Null,
        ];
        sql.run("INSERT INTO t VALUES ($1, $2, $3, $4)", &row)
            .unwrap();
        let read = sql
            .rows("SELECT a, b, c, d FROM t WHERE b = $1", &[row[1].clone()])
            .unwrap();
        assert_eq!(read, [Row(row)]);
        assert_eq!(read[0].parse::<u64>(1).unwrap(), u64::MAX);
        assert!(read[0].int(1).is_err() && read[0].text(3).is_err() && read[0].bytes(9).is_err());
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let error = open("/no/such/folder/index.db").err().unwrap().to_string();
        assert!(error.contains("/no/such/folder/index.db"), "{error}");
    }

    #[test]
    fn a_server_that_does_not_answer_is_an_error_without_the_password() {
        let error = open("postgres://me:secret@127.0.0.1:1/none").err().unwrap();
        let error = error.to_string();
        assert!(
            error.contains("Postgres") && !error.contains("secret"),
            "{error}"
        );
    }
}
