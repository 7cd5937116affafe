//! A sheet: grey pictures of one size, in rows.
use crate::Error;
use std::fs::File;
use std::path::Path;

/// Pictures of a sheet, row by row.
pub struct Sheet {
    points: Vec<u8>,
    size: (usize, usize),
    across: usize,
    count: usize,
}

impl Sheet {
    /// Reads a grey PNG that holds pictures of so many points in height and width.
    pub fn read(path: &Path, (height, width): (usize, usize)) -> Result<Self, Error> {
        let mut decoder = png::Decoder::new(File::open(path)?);
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info()?;
        let mut points = vec![0; reader.output_buffer_size()];
        let info = reader.next_frame(&mut points)?;
        if info.color_type != png::ColorType::Grayscale {
            return Err("it is not grey".into());
        }
        let (wide, high) = (info.width as usize, info.height as usize);
        if wide % width != 0 || high % height != 0 {
            return Err(
                format!("{wide} x {high} points are no pictures of {width} x {height}").into(),
            );
        }
        let across = wide / width;
        Ok(Self {
            points,
            size: (height, width),
            across,
            count: across * (high / height),
        })
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// Where a picture is: row and column, from 1.
    pub fn place(&self, picture: usize) -> (usize, usize) {
        (picture / self.across + 1, picture % self.across + 1)
    }

    /// The points of a picture, row by row, from 0 to 1.
    pub fn picture(&self, picture: usize) -> impl Iterator<Item = f32> + '_ {
        let (height, width) = self.size;
        let wide = self.across * width;
        let first = picture / self.across * height * wide + picture % self.across * width;
        let rows = self.points[first..].chunks(wide).take(height);
        rows.flat_map(move |row| &row[..width])
            .map(|point| f32::from(*point) / 255.0)
    }
}
