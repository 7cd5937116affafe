//! A Postgres server for the tests that want one, where the machine has the programs for it.

use crate::shell::step;
use anyhow::{ensure, Context, Result};
use std::net::TcpListener;
use std::os::unix::fs::{chown, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Debian keeps the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// A server with a folder of its own, both gone when this is dropped.
pub struct Server {
    programs: PathBuf,
    folder: PathBuf,
    /// Who it runs as, where that is somebody else.
    user: Option<(u32, u32)>,
    port: u16,
}

impl Server {
    /// Starts one; nothing where there are no programs for it.
    pub fn start() -> Result<Option<Self>> {
        let Some(programs) = programs() else {
            println!("left out: tests with Postgres, because this machine has no `initdb`");
            return Ok(None);
        };
        step("starting a Postgres server for the tests that want one");
        let folder = std::env::temp_dir().join(format!("lode-postgres-{}", std::process::id()));
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        // it refuses to run as root
        let user = (folder.metadata()?.uid() == 0).then(nobody).transpose()?;
        if let Some((user, group)) = user {
            chown(&folder, Some(user), Some(group))?;
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = Self {
            programs,
            folder,
            user,
            port,
        };
        server.run(
            "initdb",
            &[
                "--auth=trust",
                "--username=lode",
                "--no-sync",
                "--no-locale",
            ],
        )?;
        let options = format!("-h 127.0.0.1 -p {port} -k '' -F");
        server.run("pg_ctl", &["-w", "-l", "log", "-o", &options, "start"])?;
        Ok(Some(server))
    }

    /// A database of it.
    pub fn database(&self) -> String {
        format!("postgres://lode@127.0.0.1:{}/postgres", self.port)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new(self.programs.join(program));
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        // What it says is in its log, which an error shows; and it keeps what it is given to write to.
        let status = command
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(arguments)
            .current_dir(&self.folder)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .with_context(|| format!("`{program}` could not be started"))?;
        let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        ensure!(status.success(), "`{program}` failed ({status}): {}", log());
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.run("pg_ctl", &["-w", "-m", "immediate", "stop"]) {
            eprintln!("{error:#}");
        }
        // a temporary folder: what is left of it is the system's to remove
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The folder with `initdb` and its companions: what PATH names, else the newest that Debian has.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let named = std::env::split_paths(&path);
    let debian = std::fs::read_dir(DEBIAN).into_iter().flatten();
    let mut debian: Vec<PathBuf> = debian.filter_map(|e| Some(e.ok()?.path())).collect();
    debian.sort();
    let debian = debian.into_iter().rev().map(|version| version.join("bin"));
    let has = |folder: &Path| {
        ["initdb", "pg_ctl"]
            .iter()
            .all(|name| folder.join(name).is_file())
    };
    named.chain(debian).find(|folder| has(folder))
}

/// User and group of `nobody`.
fn nobody() -> Result<(u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd")?;
    let line = users.lines().find(|line| line.starts_with("nobody:"));
    let numbers = line.and_then(|line| {
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    numbers.context("Postgres does not run as root, and this machine has no user `nobody`")
}
