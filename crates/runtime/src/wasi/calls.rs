//! The functions themselves, and what each costs.

use super::errno::{Answer, Errno};
use super::signatures;
use super::tree::{Content, Inode, Place};
use super::{Descriptor, Exit, OutOfFuel, State, Target, MAX_DESCRIPTORS, PREOPENED};
use std::ops::Range;
use wasmparser::ValType as Letter;
use wasmtime::{Caller, Engine, FuncType, Linker, Result, Val, ValType};

/// What host calls cost, in fuel. `docs/runtime.md` says what each takes, measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prices {
    /// Every call.
    pub(crate) call: u64,
    /// Following a path.
    pub(crate) path: u64,
    /// A byte that is written, hashed or random.
    pub(crate) byte_out: u64,
    /// A byte that is read.
    pub(crate) byte_in: u64,
    /// An entry of a directory, a subscription of a poll.
    pub(crate) entry: u64,
}

/// The prices of runtime 1.
pub(crate) const PRICES: Prices = Prices {
    call: 2_000,
    path: 100_000,
    byte_out: 16,
    byte_in: 2,
    entry: 500,
};

const MAX_IOVECS: u32 = 1024;
/// As many as there can be descriptors.
const MAX_SUBSCRIPTIONS: u32 = 1024;
const CLOCK_STEP: u64 = 1_000;

pub(super) const FLAG_APPEND: u16 = 1;
const ALL_FLAGS: u16 = 0b1_1111;

const OPEN_CREATE: u32 = 1;
const OPEN_DIRECTORY: u32 = 2;
const OPEN_EXCLUSIVE: u32 = 4;
const OPEN_TRUNCATE: u32 = 8;

const RIGHT_READ: u64 = 1 << 1;
const RIGHT_SEEK: u64 = 1 << 2;
const RIGHT_TELL: u64 = 1 << 5;
const RIGHT_WRITE: u64 = 1 << 6;
const ALL_RIGHTS: u64 = (1 << 30) - 1;

const TYPE_UNKNOWN: u8 = 0;
const TYPE_DIRECTORY: u8 = 3;
const TYPE_FILE: u8 = 4;

const SUBSCRIPTION_BYTES: u32 = 48;
const EVENT_BYTES: u32 = 32;

type Call<'a> = Caller<'a, State>;

fn charge(call: &mut Call<'_>, fuel: u64) -> Result<()> {
    let left = call.get_fuel()?;
    match left.checked_sub(fuel) {
        Some(left) => call.set_fuel(left),
        None => {
            call.set_fuel(0)?;
            Err(wasmtime::Error::new(OutOfFuel))
        }
    }
}

/// What every call costs.
fn charge_call(call: &mut Call<'_>) -> Result<()> {
    let fuel = call.data().prices.call;
    charge(call, fuel)
}

/// The program's memory beside the run's world. A scanned module has one.
fn split<'a>(call: &'a mut Call<'_>) -> Result<(Memory<'a>, &'a mut State)> {
    let memory = call
        .get_export("memory")
        .and_then(wasmtime::Extern::into_memory)
        .ok_or_else(|| wasmtime::Error::msg("the module exports no memory"))?;
    let (bytes, state) = memory.data_and_store_mut(call);
    Ok((Memory(bytes), state))
}

struct Memory<'a>(&'a mut [u8]);

impl Memory<'_> {
    fn slice(&mut self, at: u32, length: u32) -> Answer<&mut [u8]> {
        let start = at as usize;
        self.0
            .get_mut(start..start.saturating_add(length as usize))
            .ok_or(Errno::Fault)
    }

    fn put(&mut self, at: u32, bytes: &[u8]) -> Answer {
        let length = u32::try_from(bytes.len()).map_err(|_| Errno::Fault)?;
        self.slice(at, length)?.copy_from_slice(bytes);
        Ok(())
    }

    fn put_u32(&mut self, at: u32, value: u32) -> Answer {
        self.put(at, &value.to_le_bytes())
    }

    fn put_u64(&mut self, at: u32, value: u64) -> Answer {
        self.put(at, &value.to_le_bytes())
    }

    fn array<const N: usize>(&mut self, at: u32) -> Answer<[u8; N]> {
        let length = u32::try_from(N).map_err(|_| Errno::Fault)?;
        let mut array = [0; N];
        array.copy_from_slice(self.slice(at, length)?);
        Ok(array)
    }

    fn get_u32(&mut self, at: u32) -> Answer<u32> {
        Ok(u32::from_le_bytes(self.array(at)?))
    }

    /// A list of addresses and lengths, and the sum of the lengths.
    fn iovecs(&mut self, at: u32, count: u32) -> Answer<(Vec<(u32, u32)>, u64)> {
        if count > MAX_IOVECS {
            return Err(Errno::Inval);
        }
        let list = (0..count)
            .map(|index| {
                let entry = at.checked_add(8 * index).ok_or(Errno::Fault)?;
                let length = entry.checked_add(4).ok_or(Errno::Fault)?;
                Ok((self.get_u32(entry)?, self.get_u32(length)?))
            })
            .collect::<Answer<Vec<_>>>()?;
        let total = list.iter().map(|(_, length)| u64::from(*length)).sum();
        Ok((list, total))
    }

    fn gather(&mut self, list: &[(u32, u32)]) -> Answer<Vec<u8>> {
        // Every part is checked before a byte is copied: parts may overlap and claim far more than there is.
        for (at, length) in list {
            self.slice(*at, *length)?;
        }
        let mut bytes = Vec::new();
        for (at, length) in list {
            bytes.extend_from_slice(self.slice(*at, *length)?);
        }
        Ok(bytes)
    }

    fn scatter(&mut self, list: &[(u32, u32)], mut bytes: &[u8]) -> Answer<usize> {
        for (at, length) in list {
            self.slice(*at, *length)?;
        }
        let all = bytes.len();
        for (at, length) in list {
            let (now, later) = bytes.split_at(bytes.len().min(*length as usize));
            self.put(*at, now)?;
            bytes = later;
        }
        Ok(all - bytes.len())
    }
}

fn answer(outcome: Answer) -> Result<i32> {
    Ok(match outcome {
        Ok(()) => 0,
        Err(errno) => errno as i32,
    })
}

/// A call that costs nothing beyond the call.
fn plain(
    call: &mut Call<'_>,
    work: impl FnOnce(&mut Memory<'_>, &mut State) -> Answer,
) -> Result<i32> {
    charge_call(call)?;
    let (mut memory, state) = split(call)?;
    answer(work(&mut memory, state))
}

/// A call that follows a path.
fn path(
    call: &mut Call<'_>,
    work: impl FnOnce(&mut Memory<'_>, &mut State) -> Answer,
) -> Result<i32> {
    let prices = call.data().prices;
    charge(call, prices.call + prices.path)?;
    let (mut memory, state) = split(call)?;
    answer(work(&mut memory, state))
}

fn place(memory: &mut Memory<'_>, state: &State, fd: u32, at: u32, length: u32) -> Answer<Place> {
    let from = state.inode(fd)?;
    let text = memory.slice(at, length)?;
    state.tree.resolve(from, text)
}

/// Strings with their final zeros: how many, and how many bytes.
fn measure(strings: &[String]) -> (u32, u32) {
    let bytes: usize = strings.iter().map(|string| string.len() + 1).sum();
    (strings.len() as u32, bytes as u32)
}

fn put_strings(
    call: &mut Call<'_>,
    which: fn(&State) -> &[String],
    pointers: u32,
    at: u32,
) -> Result<i32> {
    let (_, bytes) = measure(which(call.data()));
    let prices = call.data().prices;
    charge(call, prices.call + prices.byte_in * u64::from(bytes))?;
    let (mut memory, state) = split(call)?;
    let mut put = || {
        let mut at = at;
        for (pointer, string) in (0u32..).zip(which(state)) {
            let pointer = pointers.checked_add(4 * pointer).ok_or(Errno::Fault)?;
            memory.put_u32(pointer, at)?;
            for part in [string.as_bytes(), b"\0"] {
                memory.put(at, part)?;
                at = at.checked_add(part.len() as u32).ok_or(Errno::Fault)?;
            }
        }
        Ok(())
    };
    answer(put())
}

fn filestat(state: &State, inode: Inode) -> Answer<[u8; 64]> {
    let (kind, size) = match &state.tree.node(inode)?.content {
        Content::Directory(_) => (TYPE_DIRECTORY, 0),
        Content::File(bytes) => (TYPE_FILE, bytes.len() as u64),
    };
    Ok(stat_bytes(state, inode as u64, kind, size))
}

fn stat_bytes(state: &State, inode: u64, kind: u8, size: u64) -> [u8; 64] {
    let mut stat = [0; 64];
    let mut put = |range: Range<usize>, value: u64| {
        if let Some(field) = stat.get_mut(range) {
            field.copy_from_slice(&value.to_le_bytes());
        }
    };
    put(0..8, 1);
    put(8..16, inode);
    put(16..24, u64::from(kind));
    put(24..32, 1);
    put(32..40, size);
    for time in [40..48, 48..56, 56..64] {
        put(time, state.clock);
    }
    stat
}

fn read(
    call: &mut Call<'_>,
    fd: u32,
    list: u32,
    count: u32,
    at: Option<u64>,
    out: u32,
) -> Result<i32> {
    charge_call(call)?;
    let (mut memory, state) = split(call)?;
    let known = memory.iovecs(list, count).and_then(|(list, total)| {
        let there = state.readable(fd, at)?.len() as u64;
        Ok((list, total.min(there)))
    });
    let (list, length) = match known {
        Ok(known) => known,
        Err(errno) => return Ok(errno as i32),
    };
    let price = call.data().prices.byte_in;
    charge(call, price * length)?;
    let (mut memory, state) = split(call)?;
    let mut work = || {
        memory.slice(out, 4)?;
        let bytes = state.readable(fd, at)?;
        let copied = memory.scatter(&list, bytes)?;
        if at.is_none() {
            state.advance(fd, copied)?;
        }
        memory.put_u32(out, copied as u32)
    };
    answer(work())
}

fn write(
    call: &mut Call<'_>,
    fd: u32,
    list: u32,
    count: u32,
    at: Option<u64>,
    out: u32,
) -> Result<i32> {
    charge_call(call)?;
    let (mut memory, state) = split(call)?;
    let (list, length) = match memory.iovecs(list, count) {
        Ok(known) => known,
        Err(errno) => return Ok(errno as i32),
    };
    // A hole is work too: it is filled, counted and hashed. What cannot be written costs its bytes all the same.
    let growth = state.growth(fd, at, length).map_or(0, |(_, growth)| growth);
    let refused = state.tree.left() < growth;
    let bytes = if refused { length } else { growth.max(length) };
    let price = call.data().prices.byte_out;
    charge(call, price.saturating_mul(bytes))?;
    let (mut memory, state) = split(call)?;
    let mut work = || {
        memory.slice(out, 4)?;
        state.growth(fd, at, length)?;
        if refused {
            return Err(Errno::Nospc);
        }
        let bytes = memory.gather(&list)?;
        state.write(fd, at, &bytes)?;
        memory.put_u32(out, length as u32)
    };
    answer(work())
}

fn seek(state: &mut State, fd: u32, offset: i64, whence: u32) -> Answer<u64> {
    let Target::Node { inode, position } = state.descriptor(fd)?.target else {
        return Err(Errno::Spipe);
    };
    let size = state.tree.file(inode)?.len() as u64;
    let base = match whence {
        0 => 0,
        1 => position,
        2 => size,
        _ => return Err(Errno::Inval),
    };
    let to = base
        .checked_add_signed(offset)
        .filter(|to| *to <= i64::MAX as u64)
        .ok_or(Errno::Inval)?;
    state.descriptor_mut(fd)?.target = Target::Node {
        inode,
        position: to,
    };
    Ok(to)
}

fn fdstat(state: &State, fd: u32) -> Answer<[u8; 24]> {
    let Descriptor {
        target,
        read,
        write,
        flags,
    } = state.descriptor(fd)?;
    let mut rights = ALL_RIGHTS;
    if !read {
        rights &= !RIGHT_READ;
    }
    if !write {
        rights &= !RIGHT_WRITE;
    }
    let kind = match target {
        Target::Node { inode, .. } => match state.tree.node(*inode)?.content {
            Content::Directory(_) => TYPE_DIRECTORY,
            Content::File(_) => TYPE_FILE,
        },
        // Unknown, not a character device: that would be a terminal.
        _ => {
            rights &= !(RIGHT_SEEK | RIGHT_TELL);
            TYPE_UNKNOWN
        }
    };
    let mut stat = [0; 24];
    let fields: [(Range<usize>, &[u8]); 4] = [
        (0..1, &[kind]),
        (2..4, &flags.to_le_bytes()),
        (8..16, &rights.to_le_bytes()),
        (16..24, &ALL_RIGHTS.to_le_bytes()),
    ];
    for (range, value) in fields {
        if let Some(field) = stat.get_mut(range) {
            field.copy_from_slice(value);
        }
    }
    Ok(stat)
}

fn open(state: &mut State, place: &Place, flags: u32, rights: u64, fd_flags: u32) -> Answer<u32> {
    if state.descriptors.len() >= MAX_DESCRIPTORS {
        return Err(Errno::Mfile);
    }
    let fd_flags = u16::try_from(fd_flags)
        .ok()
        .filter(|flags| flags & !ALL_FLAGS == 0)
        .ok_or(Errno::Inval)?;
    let directory_only = flags & OPEN_DIRECTORY != 0;
    if directory_only && flags & OPEN_CREATE != 0 {
        return Err(Errno::Inval);
    }
    let (read, write) = (rights & RIGHT_READ != 0, rights & RIGHT_WRITE != 0);
    let inode = match place.node {
        Some(_) if flags & OPEN_CREATE != 0 && flags & OPEN_EXCLUSIVE != 0 => {
            return Err(Errno::Exist)
        }
        Some(inode) => inode,
        None if flags & OPEN_CREATE != 0 => state.tree.create_file(place)?,
        None => return Err(Errno::Noent),
    };
    let node = state.tree.node(inode)?;
    let truncate = flags & OPEN_TRUNCATE != 0;
    match &node.content {
        Content::Directory(_) if write || truncate => return Err(Errno::Isdir),
        Content::File(_) if directory_only => return Err(Errno::Notdir),
        Content::File(_) if (write || truncate) && !node.writable => return Err(Errno::Rofs),
        Content::File(_) if truncate => state.tree.set_size(inode, 0)?,
        _ => {}
    }
    state.open(inode, read, write, fd_flags)
}

fn set_size(call: &mut Call<'_>, fd: u32, size: u64) -> Result<i32> {
    charge_call(call)?;
    let growth = |state: &State| {
        let descriptor = state.descriptor(fd)?;
        let (Target::Node { inode, .. }, true) = (descriptor.target, descriptor.write) else {
            return Err(Errno::Badf);
        };
        let growth = size.saturating_sub(state.tree.file(inode)?.len() as u64);
        match growth > state.tree.left() {
            true => Err(Errno::Nospc),
            false => Ok((inode, growth)),
        }
    };
    let (inode, growth) = match growth(call.data()) {
        Ok(known) => known,
        Err(errno) => return Ok(errno as i32),
    };
    let price = call.data().prices.byte_out;
    charge(call, price.saturating_mul(growth))?;
    answer(call.data_mut().tree.set_size(inode, size))
}

/// Fills `length` bytes with entries, the last one cut off where it does not fit: the sign that there are more.
fn readdir(
    call: &mut Call<'_>,
    fd: u32,
    at: u32,
    length: u32,
    cookie: u64,
    out: u32,
) -> Result<i32> {
    charge_call(call)?;
    let list = |state: &State| -> Answer<(Vec<u8>, u64)> {
        let inode = state.inode(fd)?;
        let mut bytes = Vec::new();
        let mut entries = 0u64;
        for (next, inode, name) in state.tree.entries(inode, cookie)? {
            if bytes.len() >= length as usize {
                break;
            }
            let kind = match state.tree.node(inode)?.content {
                Content::Directory(_) => TYPE_DIRECTORY,
                Content::File(_) => TYPE_FILE,
            };
            entries += 1;
            bytes.extend_from_slice(&next.to_le_bytes());
            bytes.extend_from_slice(&(inode as u64).to_le_bytes());
            bytes.extend_from_slice(&(name.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&u32::from(kind).to_le_bytes());
            bytes.extend_from_slice(name.as_bytes());
        }
        bytes.truncate(length as usize);
        Ok((bytes, entries))
    };
    let (bytes, entries) = match list(call.data()) {
        Ok(known) => known,
        Err(errno) => return Ok(errno as i32),
    };
    let prices = call.data().prices;
    charge(
        call,
        prices.entry * entries + prices.byte_in * bytes.len() as u64,
    )?;
    let (mut memory, _) = split(call)?;
    let mut work = || {
        memory.put(at, &bytes)?;
        memory.put_u32(out, bytes.len() as u32)
    };
    answer(work())
}

/// What a subscription waits for.
enum Wait {
    /// Nanoseconds until it is due.
    Clock(u64),
    /// A descriptor, or an error: due at once.
    Now { errno: i32, bytes: u64 },
}

fn subscription(memory: &mut Memory<'_>, state: &State, at: u32) -> Answer<(u64, u8, Wait)> {
    let field = |offset: u32| at.checked_add(offset).ok_or(Errno::Fault);
    let (data, tag, id, timeout, flags) = (at, field(8)?, field(16)?, field(24)?, field(40)?);
    let user_data = u64::from_le_bytes(memory.array(data)?);
    let [tag] = memory.array(tag)?;
    let id = memory.get_u32(id)?;
    let failed = |errno: Errno| Wait::Now {
        errno: errno as i32,
        bytes: 0,
    };
    let wait = match tag {
        0 => {
            let timeout = u64::from_le_bytes(memory.array(timeout)?);
            let absolute = u16::from_le_bytes(memory.array(flags)?) & 1 == 1;
            match state.time(id) {
                Ok(now) if absolute => Wait::Clock(timeout.saturating_sub(now)),
                Ok(_) => Wait::Clock(timeout),
                Err(errno) => failed(errno),
            }
        }
        1 => match state.readable(id, None) {
            Ok(bytes) => Wait::Now {
                errno: 0,
                bytes: bytes.len() as u64,
            },
            Err(errno) => failed(errno),
        },
        2 => match state.descriptor(id) {
            Ok(descriptor) if descriptor.write => Wait::Now { errno: 0, bytes: 0 },
            _ => failed(Errno::Badf),
        },
        _ => return Err(Errno::Inval),
    };
    Ok((user_data, tag, wait))
}

fn poll(
    memory: &mut Memory<'_>,
    state: &mut State,
    input: u32,
    output: u32,
    count: u32,
    out: u32,
) -> Answer {
    if count == 0 || count > MAX_SUBSCRIPTIONS {
        return Err(Errno::Inval);
    }
    memory.slice(out, 4)?;
    memory.slice(output, EVENT_BYTES * count)?;
    let subscriptions = (0..count)
        .map(|index| {
            let at = input
                .checked_add(SUBSCRIPTION_BYTES * index)
                .ok_or(Errno::Fault)?;
            subscription(memory, state, at)
        })
        .collect::<Answer<Vec<_>>>()?;
    let pass = subscriptions
        .iter()
        .map(|(_, _, wait)| match wait {
            Wait::Clock(left) => *left,
            Wait::Now { .. } => 0,
        })
        .min()
        .unwrap_or(0);
    state.monotonic = state.monotonic.saturating_add(pass);
    let mut events = 0;
    for (user_data, tag, wait) in subscriptions {
        let (errno, bytes) = match wait {
            Wait::Clock(left) if left > pass => continue,
            Wait::Clock(_) => (0, 0),
            Wait::Now { errno, bytes } => (errno, bytes),
        };
        let mut event = [0; EVENT_BYTES as usize];
        let fields: [(Range<usize>, &[u8]); 4] = [
            (0..8, &user_data.to_le_bytes()),
            (8..10, &(errno as u16).to_le_bytes()),
            (10..11, &[tag]),
            (16..24, &bytes.to_le_bytes()),
        ];
        for (range, value) in fields {
            if let Some(field) = event.get_mut(range) {
                field.copy_from_slice(value);
            }
        }
        memory.put(output + EVENT_BYTES * events, &event)?;
        events += 1;
    }
    memory.put_u32(out, events)
}

/// All 46 functions: those of runtime 1, and ENOSYS for the others.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    processes(l)?;
    descriptors(l)?;
    paths(l)?;
    for lacking in signatures::ALL.iter().filter(|known| !known.implemented) {
        let value = |letter: Letter| match letter {
            Letter::I64 => ValType::I64,
            _ => ValType::I32,
        };
        let ty = FuncType::new(
            engine,
            lacking.params().map(value),
            lacking.results().map(value),
        );
        l.func_new(
            signatures::MODULE,
            lacking.name,
            ty,
            |mut call, _, results| {
                charge_call(&mut call)?;
                if let Some(result) = results.first_mut() {
                    *result = Val::I32(Errno::Nosys as i32);
                }
                Ok(())
            },
        )?;
    }
    Ok(linker)
}

fn processes(l: &mut Linker<State>) -> Result<()> {
    const WASI: &str = signatures::MODULE;
    l.func_wrap(
        WASI,
        "args_sizes_get",
        |mut call: Call<'_>, count: u32, bytes: u32| {
            plain(&mut call, |memory, state| {
                let (number, size) = measure(&state.args);
                memory.put_u32(count, number)?;
                memory.put_u32(bytes, size)
            })
        },
    )?;
    l.func_wrap(
        WASI,
        "args_get",
        |mut call: Call<'_>, pointers: u32, at: u32| {
            put_strings(&mut call, |state| &state.args, pointers, at)
        },
    )?;
    l.func_wrap(
        WASI,
        "environ_sizes_get",
        |mut call: Call<'_>, count: u32, bytes: u32| {
            plain(&mut call, |memory, state| {
                let (number, size) = measure(&state.env);
                memory.put_u32(count, number)?;
                memory.put_u32(bytes, size)
            })
        },
    )?;
    l.func_wrap(
        WASI,
        "environ_get",
        |mut call: Call<'_>, pointers: u32, at: u32| {
            put_strings(&mut call, |state| &state.env, pointers, at)
        },
    )?;
    l.func_wrap(
        WASI,
        "clock_res_get",
        |mut call: Call<'_>, clock: u32, out: u32| {
            plain(&mut call, |memory, state| {
                state.time(clock)?;
                memory.put_u64(out, CLOCK_STEP)
            })
        },
    )?;
    l.func_wrap(
        WASI,
        "clock_time_get",
        |mut call: Call<'_>, clock: u32, _precision: u64, out: u32| {
            plain(&mut call, |memory, state| {
                memory.put_u64(out, state.time(clock)?)?;
                state.monotonic = state.monotonic.saturating_add(CLOCK_STEP);
                Ok(())
            })
        },
    )?;
    l.func_wrap(
        WASI,
        "poll_oneoff",
        |mut call: Call<'_>, input: u32, output: u32, count: u32, out: u32| {
            let prices = call.data().prices;
            charge(&mut call, prices.call + prices.entry * u64::from(count))?;
            let (mut memory, state) = split(&mut call)?;
            answer(poll(&mut memory, state, input, output, count, out))
        },
    )?;
    l.func_wrap(WASI, "sched_yield", |mut call: Call<'_>| {
        charge_call(&mut call)?;
        Ok(0i32)
    })?;
    l.func_wrap(
        WASI,
        "random_get",
        |mut call: Call<'_>, at: u32, length: u32| {
            let prices = call.data().prices;
            charge(&mut call, prices.call + prices.byte_out * u64::from(length))?;
            let (mut memory, state) = split(&mut call)?;
            match memory.slice(at, length) {
                Ok(bytes) => state
                    .fill_random(bytes)
                    .map(|()| 0i32)
                    .map_err(wasmtime::Error::new),
                Err(errno) => Ok(errno as i32),
            }
        },
    )?;
    l.func_wrap(
        WASI,
        "proc_exit",
        |mut call: Call<'_>, code: u32| -> Result<()> {
            charge_call(&mut call)?;
            Err(wasmtime::Error::new(Exit(code)))
        },
    )?;
    Ok(())
}

fn descriptors(l: &mut Linker<State>) -> Result<()> {
    const WASI: &str = signatures::MODULE;
    l.func_wrap(WASI, "fd_close", |mut call: Call<'_>, fd: u32| {
        plain(&mut call, |_, state| {
            let closed = state.descriptors.remove(&fd).ok_or(Errno::Badf)?;
            match closed.target {
                Target::Node { inode, .. } => state.tree.closed(inode),
                _ => Ok(()),
            }
        })
    })?;
    for name in ["fd_sync", "fd_datasync"] {
        l.func_wrap(WASI, name, |mut call: Call<'_>, fd: u32| {
            plain(&mut call, |_, state| state.descriptor(fd).map(|_| ()))
        })?;
    }
    l.func_wrap(
        WASI,
        "fd_fdstat_get",
        |mut call: Call<'_>, fd: u32, out: u32| {
            plain(&mut call, |memory, state| {
                memory.put(out, &fdstat(state, fd)?)
            })
        },
    )?;
    l.func_wrap(
        WASI,
        "fd_fdstat_set_flags",
        |mut call: Call<'_>, fd: u32, flags: u32| {
            plain(&mut call, |_, state| {
                let descriptor = state.descriptor_mut(fd)?;
                descriptor.flags = u16::try_from(flags)
                    .ok()
                    .filter(|flags| flags & !ALL_FLAGS == 0)
                    .ok_or(Errno::Inval)?;
                Ok(())
            })
        },
    )?;
    l.func_wrap(
        WASI,
        "fd_filestat_get",
        |mut call: Call<'_>, fd: u32, out: u32| {
            plain(&mut call, |memory, state| {
                let stat = match state.descriptor(fd)?.target {
                    Target::Node { inode, .. } => filestat(state, inode)?,
                    // No node has such an inode.
                    Target::Stdin { .. } => stat_bytes(state, u64::MAX, TYPE_UNKNOWN, 0),
                    Target::Stdout => stat_bytes(state, u64::MAX - 1, TYPE_UNKNOWN, 0),
                    Target::Stderr => stat_bytes(state, u64::MAX - 2, TYPE_UNKNOWN, 0),
                };
                memory.put(out, &stat)
            })
        },
    )?;
    l.func_wrap(
        WASI,
        "fd_filestat_set_size",
        |mut call: Call<'_>, fd: u32, size: u64| set_size(&mut call, fd, size),
    )?;
    l.func_wrap(
        WASI,
        "fd_prestat_get",
        |mut call: Call<'_>, fd: u32, out: u32| {
            plain(&mut call, |memory, state| {
                preopened(state, fd)?;
                memory.put(out, &[0, 0, 0, 0, 1, 0, 0, 0])
            })
        },
    )?;
    l.func_wrap(
        WASI,
        "fd_prestat_dir_name",
        |mut call: Call<'_>, fd: u32, at: u32, length: u32| {
            plain(&mut call, |memory, state| {
                preopened(state, fd)?;
                match length {
                    0 => Err(Errno::Nametoolong),
                    _ => memory.put(at, b"/"),
                }
            })
        },
    )?;
    l.func_wrap(
        WASI,
        "fd_read",
        |mut call: Call<'_>, fd: u32, list: u32, count: u32, out: u32| {
            read(&mut call, fd, list, count, None, out)
        },
    )?;
    l.func_wrap(
        WASI,
        "fd_pread",
        |mut call: Call<'_>, fd: u32, list: u32, count: u32, at: u64, out: u32| {
            read(&mut call, fd, list, count, Some(at), out)
        },
    )?;
    l.func_wrap(
        WASI,
        "fd_write",
        |mut call: Call<'_>, fd: u32, list: u32, count: u32, out: u32| {
            write(&mut call, fd, list, count, None, out)
        },
    )?;
    l.func_wrap(
        WASI,
        "fd_pwrite",
        |mut call: Call<'_>, fd: u32, list: u32, count: u32, at: u64, out: u32| {
            write(&mut call, fd, list, count, Some(at), out)
        },
    )?;
    l.func_wrap(
        WASI,
        "fd_readdir",
        |mut call: Call<'_>, fd: u32, at: u32, length: u32, cookie: u64, out: u32| {
            readdir(&mut call, fd, at, length, cookie, out)
        },
    )?;
    l.func_wrap(
        WASI,
        "fd_seek",
        |mut call: Call<'_>, fd: u32, offset: i64, whence: u32, out: u32| {
            plain(&mut call, |memory, state| {
                memory.slice(out, 8)?;
                memory.put_u64(out, seek(state, fd, offset, whence)?)
            })
        },
    )?;
    l.func_wrap(WASI, "fd_tell", |mut call: Call<'_>, fd: u32, out: u32| {
        plain(&mut call, |memory, state| {
            memory.put_u64(out, seek(state, fd, 0, 1)?)
        })
    })?;
    Ok(())
}

/// Whether this is still the descriptor of `/` that the program was given.
fn preopened(state: &State, fd: u32) -> Answer {
    match state.descriptor(fd)?.target {
        Target::Node {
            inode: super::ROOT, ..
        } if fd == PREOPENED => Ok(()),
        _ => Err(Errno::Badf),
    }
}

fn paths(l: &mut Linker<State>) -> Result<()> {
    const WASI: &str = signatures::MODULE;
    l.func_wrap(
        WASI,
        "path_create_directory",
        |mut call: Call<'_>, fd: u32, at: u32, length: u32| {
            path(&mut call, |memory, state| {
                let place = place(memory, state, fd, at, length)?;
                state.tree.create_directory(&place)
            })
        },
    )?;
    l.func_wrap(
        WASI,
        "path_unlink_file",
        |mut call: Call<'_>, fd: u32, at: u32, length: u32| {
            path(&mut call, |memory, state| {
                let place = place(memory, state, fd, at, length)?;
                state.tree.unlink_file(&place)
            })
        },
    )?;
    l.func_wrap(
        WASI,
        "path_remove_directory",
        |mut call: Call<'_>, fd: u32, at: u32, length: u32| {
            path(&mut call, |memory, state| {
                let place = place(memory, state, fd, at, length)?;
                state.tree.remove_directory(&place)
            })
        },
    )?;
    l.func_wrap(
        WASI,
        "path_filestat_get",
        |mut call: Call<'_>, fd: u32, _follow: u32, at: u32, length: u32, out: u32| {
            path(&mut call, |memory, state| {
                let place = place(memory, state, fd, at, length)?;
                let stat = filestat(state, place.node.ok_or(Errno::Noent)?)?;
                memory.put(out, &stat)
            })
        },
    )?;
    l.func_wrap(
        WASI,
        "path_rename",
        |mut call: Call<'_>,
         fd: u32,
         at: u32,
         length: u32,
         new_fd: u32,
         new_at: u32,
         new_length: u32| {
            path(&mut call, |memory, state| {
                let old = place(memory, state, fd, at, length)?;
                let new = place(memory, state, new_fd, new_at, new_length)?;
                state.tree.rename(&old, &new)
            })
        },
    )?;
    l.func_wrap(
        WASI,
        "path_open",
        |mut call: Call<'_>,
         fd: u32,
         _follow: u32,
         at: u32,
         length: u32,
         flags: u32,
         rights: u64,
         _inheriting: u64,
         fd_flags: u32,
         out: u32| {
            path(&mut call, |memory, state| {
                let place = place(memory, state, fd, at, length)?;
                memory.slice(out, 4)?;
                let fd = open(state, &place, flags, rights, fd_flags)?;
                memory.put_u32(out, fd)
            })
        },
    )?;
    Ok(())
}
