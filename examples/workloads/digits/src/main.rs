//! Reads handwritten digits, or whatever else a small network tells apart by its looks.
//!
//! `digits [--labels LABELS] MODEL.onnx SHEET.png` cuts the sheet, a grey PNG, into pictures of the size that the model
//! takes, and prints for each the class that the model gives the highest score, and that score. With a file of labels
//! (numbers, one for each picture) it also says which are labelled otherwise, and how many are not.
mod sheet;
#[cfg(target_os = "wasi")]
mod threads;

use rten::{op_registry, Dimension, Model, ModelOptions};
use rten_tensor::prelude::*;
use rten_tensor::NdTensor;
use sheet::Sheet;
use std::path::Path;

/// Pictures that a model reads at once, if it does not say how many: what lies between its layers has to fit into memory.
const AT_ONCE: usize = 50;

type Error = Box<dyn std::error::Error>;

fn main() {
    if let Err(error) = run() {
        eprintln!("digits: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (model, pictures, labels) = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--labels", labels, model, sheet] => (model, sheet, Some(labels)),
        [model, sheet] => (model, sheet, None),
        _ => return Err("say `[--labels LABELS] MODEL.onnx SHEET.png`".into()),
    };
    let of = |path: &str, error: Error| format!("{path}: {error}");
    let network = Network::read(model).map_err(|error| of(model, error))?;
    let sheet =
        Sheet::read(Path::new(pictures), network.size).map_err(|error| of(pictures, error))?;
    let labels = labels
        .map(|path| read_labels(path, sheet.count()).map_err(|error| of(path, error)))
        .transpose()?;

    let mut as_labelled = 0;
    for (number, (class, score)) in network.classify(&sheet)?.into_iter().enumerate() {
        let (row, column) = sheet.place(number);
        let label = labels.as_ref().map_or(class, |labels| labels[number]);
        let remark = if label == class {
            as_labelled += 1;
            String::new()
        } else {
            format!(", labelled {label}")
        };
        println!("row {row}, column {column}: {class} ({score:.4}){remark}");
    }
    if labels.is_some() {
        println!("{as_labelled} of {} as labelled", sheet.count());
    }
    Ok(())
}

/// One label for each picture.
fn read_labels(path: &str, pictures: usize) -> Result<Vec<usize>, Error> {
    let text = std::fs::read_to_string(path)?;
    let labels: Vec<usize> = text
        .split_whitespace()
        .map(|word| word.parse().map_err(|_| format!("`{word}` is no label")))
        .collect::<Result<_, _>>()?;
    if labels.len() != pictures {
        return Err(format!("{} labels for {pictures} pictures", labels.len()).into());
    }
    Ok(labels)
}

/// A model, and the pictures that it takes.
struct Network {
    model: Model,
    /// Height and width.
    size: (usize, usize),
    at_once: usize,
}

impl Network {
    fn read(path: &str) -> Result<Self, Error> {
        // what networks that look at pictures are made of; every other operator would make the module larger
        let operators = op_registry!(
            Add,
            AveragePool,
            BatchNormalization,
            Clip,
            Concat,
            Conv,
            Div,
            Flatten,
            Gemm,
            GlobalAveragePool,
            Identity,
            LeakyRelu,
            LogSoftmax,
            MatMul,
            MaxPool,
            Mul,
            Relu,
            Reshape,
            Sigmoid,
            Softmax,
            Sub,
            Tanh,
            Transpose
        );
        let model = ModelOptions::with_ops(operators).load(std::fs::read(path)?)?;
        use Dimension::{Fixed, Symbolic};
        let shape = model.input_shape(0).unwrap_or_default();
        let (at_once, size) = match shape[..] {
            [Fixed(count), Fixed(1), Fixed(height), Fixed(width)] => (count, (height, width)),
            [Symbolic(_), Fixed(1), Fixed(height), Fixed(width)] => (AT_ONCE, (height, width)),
            _ => return Err("it takes no grey pictures of one size".into()),
        };
        if at_once == 0 || size.0 == 0 || size.1 == 0 {
            return Err("it takes pictures of no size".into());
        }
        Ok(Self {
            model,
            size,
            at_once,
        })
    }

    /// For each picture the class with the highest score, and that score.
    fn classify(&self, sheet: &Sheet) -> Result<Vec<(usize, f32)>, Error> {
        let (height, width) = self.size;
        let mut found = Vec::with_capacity(sheet.count());
        let all: Vec<usize> = (0..sheet.count()).collect();
        for some in all.chunks(self.at_once) {
            let points: Vec<f32> = some.iter().flat_map(|at| sheet.picture(*at)).collect();
            let points = NdTensor::from_data([some.len(), 1, height, width], points);
            let scores: NdTensor<f32, 2> = self.model.run_one(points.into(), None)?.try_into()?;
            for picture in 0..scores.size(0) {
                let best = (0..scores.size(1))
                    .map(|class| (class, scores[[picture, class]]))
                    .max_by(|a, b| a.1.total_cmp(&b.1));
                found.push(best.ok_or("the model knows no classes")?);
            }
        }
        if found.len() != sheet.count() {
            return Err("the model gives other than one row of scores for each picture".into());
        }
        Ok(found)
    }
}
