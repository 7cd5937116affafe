//! The files of a run: `/in`, `/out` and `/tmp`, in memory.

use super::errno::{Answer, Errno};
use crate::receipt;
use crate::spec::{MAX_PATH_BYTES, MAX_PATH_PARTS};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// Most files and directories that a run makes, inputs and removed ones included: inodes are never used again.
const MAX_NODES: usize = 65_536;

/// Index of a node: its inode.
pub(crate) type Inode = usize;

pub(crate) const ROOT: Inode = 0;
const OUT: Inode = 2;

pub(crate) enum Content {
    Directory(BTreeMap<Arc<str>, Inode>),
    File(Vec<u8>),
}

pub(crate) struct Node {
    pub(crate) content: Content,
    parent: Inode,
    name: Arc<str>,
    pub(crate) writable: bool,
    /// Whether a directory holds it; a removed file lives until its last descriptor closes.
    linked: bool,
    descriptors: usize,
}

pub(crate) struct Tree {
    nodes: Vec<Node>,
    /// Bytes of outputs so far: the streams, and the files in `/out` and `/tmp`.
    used: u64,
    limit: u64,
}

/// Where a path leads.
pub(crate) struct Place {
    /// The directory that holds the last part; none where the path names its starting directory.
    parent: Option<(Inode, Arc<str>)>,
    /// What is there.
    pub(crate) node: Option<Inode>,
    /// The path ends in a way that only a directory can have.
    directory: bool,
}

impl Tree {
    /// The tree before the program starts. The spec's paths were checked when it was parsed.
    pub(crate) fn new(inputs: Vec<(&str, Vec<u8>)>, limit: u64) -> Answer<Tree> {
        let mut tree = Tree {
            nodes: vec![Node {
                content: Content::Directory(BTreeMap::new()),
                parent: ROOT,
                name: "".into(),
                writable: false,
                linked: true,
                descriptors: 0,
            }],
            used: 0,
            limit,
        };
        let directory = || Content::Directory(BTreeMap::new());
        let input = tree.insert(ROOT, "in".into(), directory(), false)?;
        tree.insert(ROOT, "out".into(), directory(), true)?;
        tree.insert(ROOT, "tmp".into(), directory(), true)?;
        for (path, bytes) in inputs {
            let mut folder = input;
            let mut parts = path.split('/').peekable();
            while let Some(part) = parts.next() {
                if parts.peek().is_none() {
                    tree.insert(folder, part.into(), Content::File(bytes), false)?;
                    break;
                }
                folder = match tree.child(folder, part) {
                    Some(child) => child,
                    None => tree.insert(folder, part.into(), directory(), false)?,
                };
            }
        }
        Ok(tree)
    }

    pub(crate) fn node(&self, inode: Inode) -> Answer<&Node> {
        self.nodes.get(inode).ok_or(Errno::Badf)
    }

    fn node_mut(&mut self, inode: Inode) -> Answer<&mut Node> {
        self.nodes.get_mut(inode).ok_or(Errno::Badf)
    }

    /// The bytes of a file.
    pub(crate) fn file(&self, inode: Inode) -> Answer<&Vec<u8>> {
        match &self.node(inode)?.content {
            Content::File(bytes) => Ok(bytes),
            Content::Directory(_) => Err(Errno::Isdir),
        }
    }

    fn directory(&self, inode: Inode) -> Answer<&BTreeMap<Arc<str>, Inode>> {
        match &self.node(inode)?.content {
            Content::Directory(entries) => Ok(entries),
            Content::File(_) => Err(Errno::Notdir),
        }
    }

    fn child(&self, directory: Inode, name: &str) -> Option<Inode> {
        self.directory(directory).ok()?.get(name).copied()
    }

    fn is_directory(&self, inode: Inode) -> bool {
        self.directory(inode).is_ok()
    }

    fn insert(
        &mut self,
        parent: Inode,
        name: Arc<str>,
        content: Content,
        writable: bool,
    ) -> Answer<Inode> {
        let inode = self.nodes.len();
        if inode >= MAX_NODES {
            return Err(Errno::Nospc);
        }
        self.nodes.push(Node {
            content,
            parent,
            name: name.clone(),
            writable,
            linked: true,
            descriptors: 0,
        });
        self.link(parent, name, inode)?;
        Ok(inode)
    }

    fn link(&mut self, parent: Inode, name: Arc<str>, inode: Inode) -> Answer {
        if let Content::Directory(entries) = &mut self.node_mut(parent)?.content {
            entries.insert(name, inode);
        }
        Ok(())
    }

    fn unlink(&mut self, parent: Inode, name: &str) -> Answer {
        let mut removed = None;
        if let Content::Directory(entries) = &mut self.node_mut(parent)?.content {
            removed = entries.remove(name);
        }
        if let Some(inode) = removed {
            self.node_mut(inode)?.linked = false;
            self.free(inode)?;
        }
        Ok(())
    }

    /// Gives back the bytes of a file that nothing can reach any more.
    fn free(&mut self, inode: Inode) -> Answer {
        let node = self.node_mut(inode)?;
        if node.linked || node.descriptors > 0 {
            return Ok(());
        }
        if let Content::File(bytes) = &mut node.content {
            let freed = std::mem::take(bytes).len() as u64;
            self.used = self.used.saturating_sub(freed);
        }
        Ok(())
    }

    pub(crate) fn opened(&mut self, inode: Inode) -> Answer {
        self.node_mut(inode)?.descriptors += 1;
        Ok(())
    }

    pub(crate) fn closed(&mut self, inode: Inode) -> Answer {
        let node = self.node_mut(inode)?;
        node.descriptors = node.descriptors.saturating_sub(1);
        self.free(inode)
    }

    /// Bytes that the output limit leaves.
    pub(crate) fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    /// Counts bytes towards the output limit, all or none.
    pub(crate) fn reserve(&mut self, bytes: u64) -> Answer {
        match self.used.checked_add(bytes) {
            Some(used) if used <= self.limit => {
                self.used = used;
                Ok(())
            }
            _ => Err(Errno::Nospc),
        }
    }

    /// Writes at a position; what lies between the old end and the position becomes zeros.
    pub(crate) fn write(&mut self, inode: Inode, position: u64, bytes: &[u8]) -> Answer {
        let end = position
            .checked_add(bytes.len() as u64)
            .ok_or(Errno::Fbig)?;
        let old = self.file(inode)?.len() as u64;
        if bytes.is_empty() {
            return Ok(());
        }
        if end > old {
            self.set_size(inode, end)?;
        }
        let start = usize::try_from(position).map_err(|_| Errno::Fbig)?;
        if let Content::File(file) = &mut self.node_mut(inode)?.content {
            if let Some(target) = file.get_mut(start..start.saturating_add(bytes.len())) {
                target.copy_from_slice(bytes);
            }
        }
        Ok(())
    }

    pub(crate) fn set_size(&mut self, inode: Inode, size: u64) -> Answer {
        let old = self.file(inode)?.len() as u64;
        match size.checked_sub(old) {
            Some(more) => self.reserve(more)?,
            None => self.used = self.used.saturating_sub(old.saturating_sub(size)),
        }
        let size = usize::try_from(size).map_err(|_| Errno::Fbig)?;
        if let Content::File(file) = &mut self.node_mut(inode)?.content {
            file.resize(size, 0);
            // What a file gave up is room that others may take. Not at each byte: who grows it again pays for the third
            // that it lost, and moving what is left costs less.
            if size < file.capacity() / 3 {
                file.shrink_to_fit();
            }
        }
        Ok(())
    }

    /// Follows a path from a directory. `..` goes back along the path, never above where it began.
    pub(crate) fn resolve(&self, from: Inode, path: &[u8]) -> Answer<Place> {
        self.directory(from)?;
        if !self.node(from)?.linked {
            return Err(Errno::Noent);
        }
        if path.len() > MAX_PATH_BYTES {
            return Err(Errno::Nametoolong);
        }
        let path = std::str::from_utf8(path).map_err(|_| Errno::Ilseq)?;
        if path.is_empty() {
            return Err(Errno::Noent);
        }
        if path.contains('\0') {
            return Err(Errno::Inval);
        }
        if path.starts_with('/') {
            return Err(Errno::Perm);
        }
        let parts = || path.split('/').filter(|part| !part.is_empty());
        if parts().count() > MAX_PATH_PARTS {
            return Err(Errno::Nametoolong);
        }
        // Directories on the way; the path is relative to the first.
        let mut trail = vec![(from, Arc::from(""))];
        let mut missing: Option<Arc<str>> = None;
        for part in parts() {
            if missing.is_some() {
                return Err(Errno::Noent);
            }
            let (here, _) = trail.last().ok_or(Errno::Perm)?;
            let here = *here;
            if !self.is_directory(here) {
                return Err(Errno::Notdir);
            }
            match part {
                "." => {}
                ".." => {
                    trail.pop();
                    if trail.is_empty() {
                        return Err(Errno::Perm);
                    }
                }
                name => match self.child(here, name) {
                    Some(child) => trail.push((child, name.into())),
                    None => missing = Some(name.into()),
                },
            }
        }
        let last = path.rsplit('/').next().unwrap_or_default();
        let directory = matches!(last, "" | "." | "..");
        let (node, name) = match missing {
            Some(name) => (None, Some(name)),
            None => {
                let (node, name) = trail.pop().ok_or(Errno::Perm)?;
                (Some(node), (!trail.is_empty()).then_some(name))
            }
        };
        if directory && node.is_some_and(|node| !self.is_directory(node)) {
            return Err(Errno::Notdir);
        }
        let parent = match (trail.last(), name) {
            (Some((parent, _)), Some(name)) => Some((*parent, name)),
            _ => None,
        };
        Ok(Place {
            parent,
            node,
            directory,
        })
    }

    /// The directory and the name of a place that may be changed.
    fn writable_parent(&self, place: &Place) -> Answer<(Inode, Arc<str>)> {
        let (parent, name) = place.parent.clone().ok_or(Errno::Inval)?;
        match self.node(parent)?.writable {
            true => Ok((parent, name)),
            false => Err(Errno::Rofs),
        }
    }

    pub(crate) fn create_file(&mut self, place: &Place) -> Answer<Inode> {
        if place.directory {
            return Err(Errno::Isdir);
        }
        let (parent, name) = self.writable_parent(place)?;
        self.insert(parent, name, Content::File(Vec::new()), true)
    }

    pub(crate) fn create_directory(&mut self, place: &Place) -> Answer {
        if place.node.is_some() {
            return Err(Errno::Exist);
        }
        let (parent, name) = self.writable_parent(place)?;
        self.insert(parent, name, Content::Directory(BTreeMap::new()), true)?;
        Ok(())
    }

    pub(crate) fn unlink_file(&mut self, place: &Place) -> Answer {
        if self.is_directory(place.node.ok_or(Errno::Noent)?) {
            return Err(Errno::Isdir);
        }
        let (parent, name) = self.writable_parent(place)?;
        self.unlink(parent, &name)
    }

    pub(crate) fn remove_directory(&mut self, place: &Place) -> Answer {
        let entries = self.directory(place.node.ok_or(Errno::Noent)?)?.len();
        let (parent, name) = self.writable_parent(place)?;
        if entries > 0 {
            return Err(Errno::Notempty);
        }
        self.unlink(parent, &name)
    }

    pub(crate) fn rename(&mut self, old: &Place, new: &Place) -> Answer {
        let moved = old.node.ok_or(Errno::Noent)?;
        let (old_parent, old_name) = self.writable_parent(old)?;
        let (parent, name) = self.writable_parent(new)?;
        let moves_directory = self.is_directory(moved);
        if new.directory && !moves_directory {
            return Err(Errno::Notdir);
        }
        if moves_directory && self.is_within(parent, moved)? {
            return Err(Errno::Inval);
        }
        if let Some(target) = new.node {
            if target == moved {
                return Ok(());
            }
            match (moves_directory, self.is_directory(target)) {
                (true, false) => return Err(Errno::Notdir),
                (false, true) => return Err(Errno::Isdir),
                (true, true) if !self.directory(target)?.is_empty() => return Err(Errno::Notempty),
                _ => self.unlink(parent, &name)?,
            }
        }
        if let Content::Directory(entries) = &mut self.node_mut(old_parent)?.content {
            entries.remove(&old_name);
        }
        let node = self.node_mut(moved)?;
        node.parent = parent;
        node.name = name.clone();
        self.link(parent, name, moved)
    }

    fn is_within(&self, mut inode: Inode, ancestor: Inode) -> Answer<bool> {
        while inode != ROOT {
            if inode == ancestor {
                return Ok(true);
            }
            inode = self.node(inode)?.parent;
        }
        Ok(ancestor == ROOT)
    }

    /// Entries of a directory after the one that `cookie` names: 0 before `.`, 1 before `..`, 2 after it, and then the
    /// inode of the entry last read plus 3. So a listing goes on where it was, whatever was removed meanwhile.
    pub(crate) fn entries(
        &self,
        directory: Inode,
        cookie: u64,
    ) -> Answer<impl Iterator<Item = (u64, Inode, &str)> + '_> {
        let entries = self.directory(directory)?;
        let parent = self.node(directory)?.parent;
        let dots = [(1, directory, "."), (2, parent, "..")];
        let first = usize::try_from(cookie.min(2)).unwrap_or(2);
        let after = match cookie.checked_sub(3) {
            Some(inode) => {
                let inode = usize::try_from(inode).map_err(|_| Errno::Inval)?;
                let node = self.nodes.get(inode).ok_or(Errno::Inval)?;
                Bound::Excluded(node.name.clone())
            }
            None => Bound::Unbounded,
        };
        let named = entries
            .range::<Arc<str>, _>((after, Bound::Unbounded))
            .map(|(name, inode)| (*inode as u64 + 3, *inode, &**name));
        Ok(dots.into_iter().skip(first).chain(named))
    }

    /// The files in `/out` with their paths below it, by the bytes of the paths; `None` where no receipt has room for
    /// the paths.
    ///
    /// Paths are measured before one is built: folders in folders make them long without costing a byte of output.
    pub(crate) fn take_outputs(&mut self) -> Option<Vec<(String, Vec<u8>)>> {
        let mut found = Vec::new();
        let mut path_bytes = 0u64;
        let mut folders = vec![(OUT, 0u64)];
        while let Some((inode, before)) = folders.pop() {
            for (name, inode) in self.directory(inode).into_iter().flatten() {
                let bytes = before.saturating_add(receipt::written_bytes(name));
                match self.is_directory(*inode) {
                    // The slash after it.
                    true => folders.push((*inode, bytes.saturating_add(1))),
                    false => {
                        path_bytes = path_bytes.saturating_add(bytes);
                        found.push(*inode);
                    }
                }
            }
        }
        if !receipt::has_room(found.len() as u64, path_bytes) {
            return None;
        }
        let mut files = Vec::new();
        for inode in found {
            let path = self.path_below_out(inode);
            if let Some(Content::File(bytes)) =
                self.nodes.get_mut(inode).map(|node| &mut node.content)
            {
                files.push((path, std::mem::take(bytes)));
            }
        }
        files.sort_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes()));
        Some(files)
    }

    fn path_below_out(&self, mut inode: Inode) -> String {
        let mut parts = Vec::new();
        while inode != OUT && inode != ROOT {
            let Some(node) = self.nodes.get(inode) else {
                break;
            };
            parts.push(&*node.name);
            inode = node.parent;
        }
        parts.reverse();
        parts.join("/")
    }
}
