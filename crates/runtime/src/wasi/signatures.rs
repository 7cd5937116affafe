//! The 46 functions of WASI preview 1 and their types.

use wasmparser::ValType;

/// The module that they are imported from.
pub(crate) const MODULE: &str = "wasi_snapshot_preview1";

/// A function's name and type.
pub(crate) struct Signature {
    pub(crate) name: &'static str,
    /// `i` for an i32, `I` for an i64.
    letters: &'static str,
    /// Whether it answers with an error number.
    answers: bool,
    /// Whether runtime 1 has it; the others answer ENOSYS.
    pub(crate) implemented: bool,
}

impl Signature {
    pub(crate) fn params(&self) -> impl Iterator<Item = ValType> + '_ {
        self.letters.bytes().map(|letter| match letter {
            b'I' => ValType::I64,
            _ => ValType::I32,
        })
    }

    pub(crate) fn results(&self) -> impl Iterator<Item = ValType> {
        self.answers.then_some(ValType::I32).into_iter()
    }
}

const fn have(name: &'static str, letters: &'static str) -> Signature {
    Signature {
        name,
        letters,
        answers: true,
        implemented: true,
    }
}

const fn lack(name: &'static str, letters: &'static str) -> Signature {
    Signature {
        name,
        letters,
        answers: true,
        implemented: false,
    }
}

pub(crate) const ALL: [Signature; 46] = [
    have("args_get", "ii"),
    have("args_sizes_get", "ii"),
    have("environ_get", "ii"),
    have("environ_sizes_get", "ii"),
    have("clock_res_get", "ii"),
    have("clock_time_get", "iIi"),
    lack("fd_advise", "iIIi"),
    lack("fd_allocate", "iII"),
    have("fd_close", "i"),
    have("fd_datasync", "i"),
    have("fd_fdstat_get", "ii"),
    have("fd_fdstat_set_flags", "ii"),
    lack("fd_fdstat_set_rights", "iII"),
    have("fd_filestat_get", "ii"),
    have("fd_filestat_set_size", "iI"),
    lack("fd_filestat_set_times", "iIIi"),
    have("fd_pread", "iiiIi"),
    have("fd_prestat_get", "ii"),
    have("fd_prestat_dir_name", "iii"),
    have("fd_pwrite", "iiiIi"),
    have("fd_read", "iiii"),
    have("fd_readdir", "iiiIi"),
    lack("fd_renumber", "ii"),
    have("fd_seek", "iIii"),
    have("fd_sync", "i"),
    have("fd_tell", "ii"),
    have("fd_write", "iiii"),
    have("path_create_directory", "iii"),
    have("path_filestat_get", "iiiii"),
    lack("path_filestat_set_times", "iiiiIIi"),
    lack("path_link", "iiiiiii"),
    have("path_open", "iiiiiIIii"),
    lack("path_readlink", "iiiiii"),
    have("path_remove_directory", "iii"),
    have("path_rename", "iiiiii"),
    lack("path_symlink", "iiiii"),
    have("path_unlink_file", "iii"),
    have("poll_oneoff", "iiii"),
    Signature {
        name: "proc_exit",
        letters: "i",
        answers: false,
        implemented: true,
    },
    lack("proc_raise", "i"),
    have("sched_yield", ""),
    have("random_get", "ii"),
    lack("sock_accept", "iii"),
    lack("sock_recv", "iiiiii"),
    lack("sock_send", "iiiii"),
    lack("sock_shutdown", "ii"),
];

/// The function that a module imports under this name.
pub(crate) fn find(module: &str, name: &str) -> Option<&'static Signature> {
    ALL.iter()
        .find(|signature| module == MODULE && signature.name == name)
}
