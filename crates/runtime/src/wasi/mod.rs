//! WASI preview 1, our own: no host clock, folder, inode or random number is in reach of a job.
//!
//! Every function takes its fuel before it works, also when it then fails.

mod calls;
pub(crate) mod errno;
pub(crate) mod signatures;
pub(crate) mod tree;

pub(crate) use calls::{linker, Prices, PRICES};

use crate::run::HostEnd;
use crate::JobSpec;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use chacha20::ChaCha20;
use errno::{Answer, Errno};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tree::{Inode, Tree, ROOT};
use wasmtime::ResourceLimiter;

/// Most open descriptors.
const MAX_DESCRIPTORS: usize = 1024;

/// The descriptor of `/`.
const PREOPENED: u32 = 3;

const TABLE_ELEMENTS: u64 = 1_000_000;
const NANOSECONDS: u64 = 1_000_000_000;

/// What `proc_exit` unwinds with.
#[derive(Debug, thiserror::Error)]
#[error("exit code {0}")]
pub(crate) struct Exit(pub(crate) u32);

/// A host call found too little fuel.
#[derive(Debug, thiserror::Error)]
#[error("a host call found too little fuel")]
pub(crate) struct OutOfFuel;

/// An open descriptor.
struct Descriptor {
    target: Target,
    read: bool,
    write: bool,
    /// Status flags as `path_open` and `fd_fdstat_set_flags` set them.
    flags: u16,
}

#[derive(Clone, Copy)]
enum Target {
    Stdin { position: usize },
    Stdout,
    Stderr,
    Node { inode: Inode, position: u64 },
}

/// A run's world.
pub(crate) struct State {
    args: Vec<String>,
    env: Vec<String>,
    stdin: Vec<u8>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) tree: Tree,
    descriptors: BTreeMap<u32, Descriptor>,
    /// The spec's clock in nanoseconds.
    clock: u64,
    /// Nanoseconds since the start.
    monotonic: u64,
    random: ChaCha20,
    /// What host calls cost; always [`PRICES`], but where a test asks whether anybody would notice.
    pub(crate) prices: Prices,
    memory_limit: usize,
    table_elements: u64,
}

impl State {
    /// The world before the program starts; `inputs` as the spec lists them.
    pub(crate) fn new(
        spec: &JobSpec,
        stdin: Vec<u8>,
        inputs: Vec<Vec<u8>>,
    ) -> Result<State, HostEnd> {
        let paths = spec.inputs.iter().map(|input| input.path.as_str());
        let mut tree = Tree::new(paths.zip(inputs).collect(), spec.output_limit)
            .map_err(|_| HostEnd::Engine("the inputs do not fit the tree".to_owned()))?;
        tree.opened(ROOT)
            .map_err(|_| HostEnd::Engine("no root".to_owned()))?;
        let open = |target, read, write| Descriptor {
            target,
            read,
            write,
            flags: 0,
        };
        let root = Target::Node {
            inode: ROOT,
            position: 0,
        };
        let descriptors = BTreeMap::from([
            (0, open(Target::Stdin { position: 0 }, true, false)),
            (1, open(Target::Stdout, false, true)),
            (2, open(Target::Stderr, false, true)),
            (PREOPENED, open(root, true, false)),
        ]);
        Ok(State {
            args: spec.args.clone(),
            env: spec.env.clone(),
            stdin,
            stdout: Vec::new(),
            stderr: Vec::new(),
            tree,
            descriptors,
            clock: spec.clock.saturating_mul(NANOSECONDS),
            monotonic: 0,
            random: random_stream(&spec.hash),
            prices: PRICES,
            memory_limit: usize::try_from(spec.memory_mib << 20).unwrap_or(usize::MAX),
            table_elements: 0,
        })
    }

    fn descriptor(&self, fd: u32) -> Answer<&Descriptor> {
        self.descriptors.get(&fd).ok_or(Errno::Badf)
    }

    fn descriptor_mut(&mut self, fd: u32) -> Answer<&mut Descriptor> {
        self.descriptors.get_mut(&fd).ok_or(Errno::Badf)
    }

    /// The node of a descriptor; streams have none.
    fn inode(&self, fd: u32) -> Answer<Inode> {
        match self.descriptor(fd)?.target {
            Target::Node { inode, .. } => Ok(inode),
            _ => Err(Errno::Notdir),
        }
    }

    /// The time that a clock shows. 2 and 3 are the CPU clocks of process and thread; they run as the monotonic one.
    fn time(&self, clock: u32) -> Answer<u64> {
        match clock {
            0 => Ok(self.clock.saturating_add(self.monotonic)),
            1..=3 => Ok(self.monotonic),
            _ => Err(Errno::Inval),
        }
    }

    /// The next bytes of the random stream.
    fn fill_random(&mut self, bytes: &mut [u8]) -> Result<(), HostEnd> {
        bytes.fill(0);
        self.random
            .try_apply_keystream(bytes)
            .map_err(|_| HostEnd::Engine("the random stream ended".to_owned()))
    }

    /// What a descriptor can still read from its position, or from `at`.
    fn readable(&self, fd: u32, at: Option<u64>) -> Answer<&[u8]> {
        let descriptor = self.descriptor(fd)?;
        if !descriptor.read {
            return Err(Errno::Badf);
        }
        let (bytes, position) = match (descriptor.target, at) {
            (Target::Node { inode, position }, at) => {
                (self.tree.file(inode)?, at.unwrap_or(position))
            }
            (Target::Stdin { position }, None) => (&self.stdin, position as u64),
            (_, Some(_)) => return Err(Errno::Spipe),
            _ => return Err(Errno::Badf),
        };
        let start = usize::try_from(position).unwrap_or(usize::MAX);
        Ok(bytes.get(start..).unwrap_or_default())
    }

    fn advance(&mut self, fd: u32, by: usize) -> Answer {
        match &mut self.descriptor_mut(fd)?.target {
            Target::Stdin { position } => *position = position.saturating_add(by),
            Target::Node { position, .. } => *position = position.saturating_add(by as u64),
            Target::Stdout | Target::Stderr => {}
        }
        Ok(())
    }

    /// Where a write of `length` bytes would begin, and by how many bytes it would lengthen the outputs.
    fn growth(&self, fd: u32, at: Option<u64>, length: u64) -> Answer<(u64, u64)> {
        let descriptor = self.descriptor(fd)?;
        if !descriptor.write {
            return Err(Errno::Badf);
        }
        match (descriptor.target, at) {
            (Target::Node { inode, position }, at) => {
                let size = self.tree.file(inode)?.len() as u64;
                let append = descriptor.flags & calls::FLAG_APPEND != 0;
                let start = match at {
                    Some(at) => at,
                    None if append => size,
                    None => position,
                };
                let end = start.checked_add(length).ok_or(Errno::Fbig)?;
                let growth = if length == 0 {
                    0
                } else {
                    end.saturating_sub(size)
                };
                Ok((start, growth))
            }
            (Target::Stdin { .. }, _) => Err(Errno::Badf),
            (_, Some(_)) => Err(Errno::Spipe),
            (_, None) => Ok((0, length)),
        }
    }

    fn write(&mut self, fd: u32, at: Option<u64>, bytes: &[u8]) -> Answer {
        let length = bytes.len() as u64;
        let (start, _) = self.growth(fd, at, length)?;
        match self.descriptor(fd)?.target {
            Target::Stdin { .. } => return Err(Errno::Badf),
            Target::Stdout => {
                self.tree.reserve(length)?;
                self.stdout.extend_from_slice(bytes);
            }
            Target::Stderr => {
                self.tree.reserve(length)?;
                self.stderr.extend_from_slice(bytes);
            }
            Target::Node { inode, .. } => {
                self.tree.write(inode, start, bytes)?;
                if at.is_none() {
                    if let Target::Node { position, .. } = &mut self.descriptor_mut(fd)?.target {
                        *position = start.saturating_add(length);
                    }
                }
            }
        }
        Ok(())
    }

    /// Opens a node under the lowest free number.
    fn open(&mut self, inode: Inode, read: bool, write: bool, flags: u16) -> Answer<u32> {
        let taken = self.descriptors.keys();
        let fd = (0u32..)
            .zip(taken)
            .find(|(number, taken)| number != *taken)
            .map_or(self.descriptors.len() as u32, |(number, _)| number);
        self.tree.opened(inode)?;
        let target = Target::Node { inode, position: 0 };
        let descriptor = Descriptor {
            target,
            read,
            write,
            flags,
        };
        self.descriptors.insert(fd, descriptor);
        Ok(fd)
    }
}

/// The random stream of a job: ChaCha20 with nonce 0 from counter 0, keyed by the spec.
fn random_stream(spec_hash: &[u8; 32]) -> ChaCha20 {
    let key = Sha256::new()
        .chain_update(b"lode:rng:1")
        .chain_update(spec_hash)
        .finalize();
    ChaCha20::new(&key, &[0; 12].into())
}

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= self.memory_limit && maximum.is_none_or(|maximum| desired <= maximum))
    }

    // What the limits above allow and the host could not give: not the job's fault, so no receipt.
    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(wasmtime::Error::new(HostEnd::Memory(error.to_string())))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current) as u64;
        let total = self.table_elements.saturating_add(more);
        let fits = total <= TABLE_ELEMENTS && maximum.is_none_or(|maximum| desired <= maximum);
        if fits {
            self.table_elements = total;
        }
        Ok(fits)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(wasmtime::Error::new(HostEnd::Memory(error.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_random_stream_is_chacha20_from_its_first_byte_without_gaps() {
        let mut whole = [0u8; 200];
        random_stream(&[7; 32]).apply_keystream(&mut whole);
        let mut stream = random_stream(&[7; 32]);
        let mut parts = [0u8; 200];
        for part in [0..1, 1..64, 64..130, 130..200] {
            stream.apply_keystream(&mut parts[part]);
        }
        assert_eq!(whole, parts);
        let mut other = [0u8; 200];
        random_stream(&[8; 32]).apply_keystream(&mut other);
        assert_ne!(whole, other);
    }
}
