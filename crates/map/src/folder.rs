//! The folder of a map: its plan, its journal, what its jobs wrote, and what that is put together to.
use crate::journal::{Line, Range, State};
use crate::{Error, Plan, Result, Task};
use lode_runtime::Blob;
use lode_store::BlobHash;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

/// What a map that ended before it had a plan leaves in its folder.
const BEFORE_PLAN: [&str; 3] = ["jobs", "journal.jsonl", "plan.partial"];

/// An open folder. No other process opens it meanwhile.
#[derive(Debug)]
pub(crate) struct Folder {
    at: PathBuf,
    journal: File,
}

impl Folder {
    /// Opens or makes it. Gives back the plan if one is there already: it must be of this task.
    pub fn open(at: &Path, task: &Task) -> Result<(Self, Option<Plan>)> {
        require_own(at)?;
        fs::create_dir_all(at.join("jobs")).map_err(Error::writing(at))?;
        let path = at.join("journal.jsonl");
        let journal = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(Error::writing(&path))?;
        match journal.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(Error::Running(at.into())),
            Err(fs::TryLockError::Error(source)) => return Err(Error::writing(&path)(source)),
        }
        let folder = Self {
            at: at.into(),
            journal,
        };
        let path = at.join("plan.json");
        let plan = match fs::read(&path) {
            Ok(bytes) => Some(read_plan(&path, &bytes)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(Error::reading(&path)(source)),
        };
        if let Some(plan) = &plan {
            if let Some(what) = task.difference(&plan.task) {
                return Err(Error::OtherMap {
                    folder: at.into(),
                    what,
                });
            }
        }
        Ok((folder, plan))
    }

    /// Keeps a plan for good.
    pub fn keep(&self, plan: &Plan) -> Result<()> {
        let path = self.at.join("plan.json");
        let bytes =
            serde_json::to_vec_pretty(plan).map_err(|error| Error::writing(&path)(error.into()))?;
        write_whole(&path, &bytes)
    }

    /// Everything that happened so far.
    pub fn replay(&mut self, plan: &Plan) -> Result<State> {
        let path = self.at.join("journal.jsonl");
        let bytes = fs::read(&path).map_err(Error::reading(&path))?;
        let mut state = State::new(&plan.jobs);
        let mut whole = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            // A line without its end was being written when the machine stopped: nothing was done because of it.
            let Some(text) = line.strip_suffix(b"\n") else {
                break;
            };
            let line: Line = serde_json::from_slice(text)
                .map_err(|error| Error::reading(&path)(error.into()))?;
            state.apply(&line);
            whole += text.len() as u64 + 1;
        }
        self.journal.set_len(whole).map_err(Error::writing(&path))?;
        self.journal
            .seek(std::io::SeekFrom::End(0))
            .map_err(Error::writing(&path))?;
        Ok(state)
    }

    /// Adds lines, for good: they survive whatever happens next.
    pub fn add(&mut self, lines: &[Line]) -> Result<()> {
        let path = self.at.join("journal.jsonl");
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line)
                .map_err(|error| Error::writing(&path)(error.into()))?;
            text.push(b'\n');
        }
        self.journal
            .write_all(&text)
            .and_then(|()| self.journal.sync_data())
            .map_err(Error::writing(&path))
    }

    /// The folder itself.
    pub fn at(&self) -> &Path {
        &self.at
    }

    /// Where the results of a job lie.
    pub fn results(&self, range: Range) -> PathBuf {
        let name = format!("{:06}-{:06}", range.from, range.to);
        self.at.join("jobs").join(name)
    }

    /// Where they are put until all of them are there.
    pub fn coming(&self, nonce: u64) -> PathBuf {
        self.at.join("jobs").join(format!("coming-{nonce}"))
    }

    /// Where the last job's results are put in the end.
    pub fn reduced(&self) -> PathBuf {
        self.at.join("reduced")
    }

    /// Puts the results of these jobs together: what they printed, in order, to `stdout`, and their files to `out`. Files
    /// that several jobs wrote stay with their jobs; their names are given back.
    pub fn gather(&self, ranges: &[Range]) -> Result<Vec<String>> {
        let out = self.at.join("out");
        if out.exists() {
            fs::remove_dir_all(&out).map_err(Error::writing(&out))?;
        }
        let mut files: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for range in ranges {
            let from = self.results(*range).join("out");
            for (name, path) in below(&from)? {
                files.entry(name).or_default().push(path);
            }
        }
        let mut met = Vec::new();
        for (name, paths) in &files {
            let [from] = paths.as_slice() else {
                met.push(name.clone());
                continue;
            };
            let to = out.join(name);
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent).map_err(Error::writing(parent))?;
            }
            // The same bytes twice would be a waste; where they cannot be shared they are copied.
            if fs::hard_link(from, &to).is_err() {
                fs::copy(from, &to).map_err(Error::writing(&to))?;
            }
        }
        let path = self.at.join("stdout");
        let partial = self.at.join("stdout.partial");
        let mut to = File::create(&partial).map_err(Error::writing(&partial))?;
        for range in ranges {
            let from = self.results(*range).join("stdout");
            let mut from_file = File::open(&from).map_err(Error::reading(&from))?;
            std::io::copy(&mut from_file, &mut to).map_err(Error::writing(&partial))?;
        }
        fs::rename(&partial, &path).map_err(Error::writing(&path))?;
        Ok(met)
    }

    /// What was put together, as the last job gets it: its stdin, and its files by name.
    #[allow(clippy::type_complexity)]
    pub fn gathered(&self) -> Result<((PathBuf, Blob), Vec<(String, PathBuf, Blob)>)> {
        let stdout = self.at.join("stdout");
        let stdin = blob(&stdout)?;
        let mut files = Vec::new();
        for (name, path) in below(&self.at.join("out"))? {
            let blob = blob(&path)?;
            files.push((name, path, blob));
        }
        Ok(((stdout, stdin), files))
    }
}

/// Refuses a folder that is not a map's: what a map puts together takes the place of an `out`, `stdout` and `reduced` there.
fn require_own(at: &Path) -> Result<()> {
    if !at.exists() {
        return Ok(());
    }
    let mut is_a_map = false;
    let mut holds_else = false;
    for entry in fs::read_dir(at).map_err(Error::reading(at))? {
        let name = entry.map_err(Error::reading(at))?.file_name();
        is_a_map |= name == "plan.json";
        holds_else |= !BEFORE_PLAN.iter().any(|own| name == *own);
    }
    match holds_else && !is_a_map {
        true => Err(Error::NotAMap(at.into())),
        false => Ok(()),
    }
}

fn read_plan(path: &Path, bytes: &[u8]) -> Result<Plan> {
    let plan: Plan =
        serde_json::from_slice(bytes).map_err(|error| Error::reading(path)(error.into()))?;
    match plan.v {
        1 => Ok(plan),
        v => Err(Error::asked(format!(
            "{} was written by another lode (version {v}): go on with that one",
            path.display()
        ))),
    }
}

fn blob(path: &Path) -> Result<Blob> {
    let (hash, size) = BlobHash::of_file(path)?;
    Ok(Blob {
        sha256: hash.0,
        size,
    })
}

/// All files below a folder by their paths in it; nothing where there is no folder.
fn below(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![(String::new(), folder.to_path_buf())];
    while let Some((prefix, folder)) = folders.pop() {
        if !folder.exists() {
            continue;
        }
        for entry in fs::read_dir(&folder).map_err(Error::reading(&folder))? {
            let entry = entry.map_err(Error::reading(&folder))?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                folders.push((format!("{name}/"), entry.path()));
            } else {
                found.insert(name, entry.path());
            }
        }
    }
    Ok(found)
}

/// Writes a file that is there wholly or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    let write = || {
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().map_err(Error::writing(path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::plan::tests::task;
    use crate::{Input, Measure};

    fn plan() -> Plan {
        let inputs = (0..4).map(|i| Input::Line(i.to_string()));
        Plan {
            v: 1,
            task: task(inputs.collect()),
            measure: Measure {
                fuel: 1,
                bytes: 0,
                fuel_a_byte: 0,
            },
            jobs: vec![Range { from: 0, to: 2 }, Range { from: 2, to: 4 }],
        }
    }

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_map_goes_on_from_its_folder_and_another_one_or_a_second_process_is_refused() {
        let at = tempfile::tempdir().unwrap();
        let plan = plan();
        let (mut folder, none) = Folder::open(at.path(), &plan.task).unwrap();
        assert!(none.is_none());
        folder.keep(&plan).unwrap();
        let busy = Folder::open(at.path(), &plan.task).unwrap_err().to_string();
        assert!(busy.contains("Another map is running"), "{busy}");

        let line = Line::Posting {
            range: plan.jobs[1],
            nonce: 7,
            units_limit: 9,
        };
        folder.add(&[line]).unwrap();
        let state = folder.replay(&plan).unwrap();
        drop(folder);
        let mut other = plan.task.clone();
        other.price += 1;
        let said = Folder::open(at.path(), &other).unwrap_err().to_string();
        assert!(said.contains("the price differs"), "{said}");

        let (mut folder, kept) = Folder::open(at.path(), &plan.task).unwrap();
        assert_eq!(kept, Some(plan.clone()));
        assert_eq!(folder.replay(&plan).unwrap(), state);
        assert_eq!(state.entries[&plan.jobs[1]].posted, Some((7, 9)));
    }

    #[test]
    fn a_folder_that_holds_something_else_is_refused_as_it_is_and_one_without_a_plan_yet_goes_on() {
        let at = tempfile::tempdir().unwrap();
        let plan = plan();
        write(&at.path().join("out/keep"), "a result of before");
        let said = Folder::open(at.path(), &plan.task).unwrap_err().to_string();
        assert!(
            said.contains("holds something else") && said.contains("--save-to"),
            "{said}"
        );
        let kept = fs::read_to_string(at.path().join("out/keep")).unwrap();
        assert_eq!(kept, "a result of before");
        assert_eq!(fs::read_dir(at.path()).unwrap().count(), 1);

        // killed while it wrote its plan
        let at = tempfile::tempdir().unwrap();
        drop(Folder::open(at.path(), &plan.task).unwrap());
        write(&at.path().join("plan.partial"), "{\"v\"");
        let (folder, none) = Folder::open(at.path(), &plan.task).unwrap();
        assert!(none.is_none());
        folder.keep(&plan).unwrap();
        assert!(!at.path().join("plan.partial").exists());
        // and with all that one which has a plan puts there
        write(&at.path().join("out/own"), "x");
        drop(folder);
        let (_, kept) = Folder::open(at.path(), &plan.task).unwrap();
        assert_eq!(kept, Some(plan));
    }

    #[test]
    fn half_a_line_is_forgotten_and_what_is_added_after_it_is_read() {
        let at = tempfile::tempdir().unwrap();
        let plan = plan();
        let (mut folder, _) = Folder::open(at.path(), &plan.task).unwrap();
        folder.add(&[Line::Sent { count: 1 }]).unwrap();
        drop(folder);
        let path = at.path().join("journal.jsonl");
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"event\":\"sent\",\"cou");
        fs::write(&path, text).unwrap();
        let (mut folder, _) = Folder::open(at.path(), &plan.task).unwrap();
        assert_eq!(folder.replay(&plan).unwrap().sums.transactions, 1);
        folder.add(&[Line::Sent { count: 5 }]).unwrap();
        assert_eq!(folder.replay(&plan).unwrap().sums.transactions, 6);
    }

    #[test]
    fn results_are_put_together_in_order_and_files_that_meet_stay_apart() {
        let at = tempfile::tempdir().unwrap();
        let plan = plan();
        let (folder, _) = Folder::open(at.path(), &plan.task).unwrap();
        for (i, range) in plan.jobs.iter().enumerate() {
            let of = folder.results(*range);
            write(&of.join("stdout"), &format!("job {i}\n"));
            write(&of.join(format!("out/deep/{i}")), "x");
            write(&of.join("out/report"), &i.to_string());
        }
        // done twice it is the same, also after something else lay there
        write(&at.path().join("out/old"), "x");
        for _ in 0..2 {
            assert_eq!(folder.gather(&plan.jobs).unwrap(), ["report"]);
        }
        let stdout = fs::read_to_string(at.path().join("stdout")).unwrap();
        assert_eq!(stdout, "job 0\njob 1\n");
        let ((_, stdin), files) = folder.gathered().unwrap();
        assert_eq!(stdin, Blob::of(b"job 0\njob 1\n"));
        let names: Vec<&str> = files.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, ["deep/0", "deep/1"]);
    }
}
