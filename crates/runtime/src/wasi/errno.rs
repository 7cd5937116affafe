//! Error numbers of WASI preview 1 that runtime 1 answers with.

/// An error number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Errno {
    /// No such descriptor, or not opened for this.
    Badf = 8,
    /// The name is taken.
    Exist = 20,
    /// An address outside the memory.
    Fault = 21,
    /// A file offset that no file can have.
    Fbig = 22,
    /// A name that is not UTF-8.
    Ilseq = 25,
    /// An argument without meaning.
    Inval = 28,
    /// A directory where a file must be.
    Isdir = 31,
    /// Too many descriptors.
    Mfile = 33,
    /// A path that is too long.
    Nametoolong = 37,
    /// No such file or directory.
    Noent = 44,
    /// The output limit, or the limit of tree nodes.
    Nospc = 51,
    /// Runtime 1 does not have this function.
    Nosys = 52,
    /// A file where a directory must be.
    Notdir = 54,
    /// A directory that has entries.
    Notempty = 55,
    /// A path that leaves its directory.
    Perm = 63,
    /// Nothing outside `/out` and `/tmp` can be changed.
    Rofs = 69,
    /// A stream has no position.
    Spipe = 70,
}

/// What a function answers: nothing, or an error number.
pub(crate) type Answer<T = ()> = Result<T, Errno>;
