//! A table of text becomes a table of columns.
//!
//! `csv-to-parquet [--plain] FILE.csv` reads the file, finds out what each column is (whole numbers, numbers, yes or no,
//! text; empty fields are null), writes `/out/FILE.parquet`, compressed with Snappy unless told otherwise, reads it back,
//! and prints its columns.
mod columns;

use bytes::Bytes;
use columns::{Column, Kind};
use parquet::basic::{Compression, Repetition};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that are compressed together.
const GROUP: usize = 2_000;

type Error = Box<dyn std::error::Error>;

fn main() {
    if let Err(error) = run() {
        eprintln!("csv-to-parquet: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Error> {
    let (mut compression, mut file) = (Compression::SNAPPY, None);
    for arg in std::env::args().skip(1) {
        match arg.as_str() {
            "--plain" => compression = Compression::UNCOMPRESSED,
            other if other.starts_with('-') => {
                return Err(format!("unknown option `{other}`").into())
            }
            _ => file = Some(PathBuf::from(arg)),
        }
    }
    let from = file.ok_or("give a CSV file")?;
    let columns = columns::read(&from).map_err(|error| format!("{}: {error}", from.display()))?;
    let name = from.file_stem().ok_or("the file has no name")?;
    let to = Path::new("/out").join(name).with_extension("parquet");
    write(&to, &columns, compression)?;
    report(&from, &to)
}

fn write(to: &Path, columns: &[Column], compression: Compression) -> Result<(), Error> {
    let fields = columns.iter().map(|column| {
        let field = Type::primitive_type_builder(&column.name, column.kind.physical())
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(column.kind.logical());
        field.build().map(Arc::new)
    });
    let schema = Type::group_type_builder("table")
        .with_fields(fields.collect::<Result<_, _>>()?)
        .build()?;
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_created_by("csv-to-parquet".into())
        .build();
    let mut writer =
        SerializedFileWriter::new(File::create(to)?, Arc::new(schema), Arc::new(properties))?;
    let rows = columns.first().map_or(0, |column| column.fields.len());
    for from in (0..rows).step_by(GROUP) {
        let mut group = writer.next_row_group()?;
        for column in columns {
            let Some(mut open) = group.next_column()? else {
                return Err("the file takes fewer columns than the table has".into());
            };
            let fields = &column.fields[from..rows.min(from + GROUP)];
            put(open.untyped(), fields)?;
            open.close()?;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(())
}

/// Writes fields to a column: those that are empty are null.
fn put(writer: &mut ColumnWriter, fields: &[String]) -> Result<(), Error> {
    let there: Vec<i16> = fields
        .iter()
        .map(|field| i16::from(!field.is_empty()))
        .collect();
    let fields = || fields.iter().filter(|field| !field.is_empty());
    match writer {
        ColumnWriter::Int64ColumnWriter(to) => {
            let values: Vec<i64> = fields()
                .map(|field| field.parse())
                .collect::<Result<_, _>>()?;
            to.write_batch(&values, Some(&there), None)?;
        }
        ColumnWriter::DoubleColumnWriter(to) => {
            let values: Vec<f64> = fields()
                .map(|field| field.parse())
                .collect::<Result<_, _>>()?;
            to.write_batch(&values, Some(&there), None)?;
        }
        ColumnWriter::BoolColumnWriter(to) => {
            let values: Vec<bool> = fields().map(|field| field == "true").collect();
            to.write_batch(&values, Some(&there), None)?;
        }
        ColumnWriter::ByteArrayColumnWriter(to) => {
            let values: Vec<ByteArray> = fields().map(|field| field.as_str().into()).collect();
            to.write_batch(&values, Some(&there), None)?;
        }
        _ => return Err("a column is of a kind that is never made here".into()),
    }
    Ok(())
}

/// Reads the written file and prints what is in it.
fn report(from: &Path, to: &Path) -> Result<(), Error> {
    let bytes = std::fs::metadata(from)?.len();
    // from memory: a file is opened once here, and the reader wants it several times
    let written = Bytes::from(std::fs::read(to)?);
    let size = written.len();
    let reader = SerializedFileReader::new(written)?;
    let meta = reader.metadata();
    println!(
        "{} rows in {} groups, {bytes} bytes of text, {size} bytes of columns",
        meta.file_metadata().num_rows(),
        meta.num_row_groups(),
    );
    for (number, column) in meta
        .file_metadata()
        .schema_descr()
        .columns()
        .iter()
        .enumerate()
    {
        let chunks = || meta.row_groups().iter().map(|group| group.column(number));
        let packed: i64 = chunks().map(|chunk| chunk.compressed_size()).sum();
        let nulls: u64 = chunks()
            .filter_map(|chunk| chunk.statistics()?.null_count_opt())
            .sum();
        println!(
            "{:<16} {:<10} {packed} bytes, {nulls} null",
            column.name(),
            Kind::of(column.physical_type()),
        );
    }
    // each row is taken apart and put together once, so that what is there can be read
    let mut read = 0;
    for row in reader.get_row_iter(None)? {
        row?;
        read += 1;
    }
    if read != meta.file_metadata().num_rows() {
        return Err(format!("only {read} rows can be read back").into());
    }
    Ok(())
}
