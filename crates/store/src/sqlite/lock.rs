//! One writing process per database, under whatever name it opens the file.
//!
//! Two writers would each trust what they remember, and lose the other's changes. Each lock has a way round it, so there are
//! three: a lock file beside the file that the path leads to (for any system); on Linux a name made of the file's device
//! and inode, which hard links and mounts share and which nobody can delete as one deletes a stale lock file; and a number
//! in the database itself, which every writer raises and looks at in each transaction.
//!
//! SQLite's own file is never locked here, nor opened: closing it would drop the locks that SQLite has on it.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use contract::Fault;
use rusqlite::Connection;

use super::trouble::{Outcome, disk_full};

/// The right to write a database, for as long as it lives.
pub(super) struct Lock {
    _file: File,
    #[cfg(target_os = "linux")]
    _name: Option<std::os::unix::net::UnixListener>,
}

/// Keeps other processes from writing the same database. Makes an empty file where there is none.
///
/// # Errors
/// `C0103` another one writes it, `C0105` it can't be locked.
pub(super) fn lock(path: &Path) -> Result<Lock, Fault> {
    let real = made(path).map_err(|error| unusable(path, &error))?;
    let mut name = real.clone().into_os_string();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file =
        private().create(true).truncate(false).write(true).open(&name).map_err(|error| unusable(&name, &error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(another(path)),
        Err(TryLockError::Error(error)) => return Err(unusable(&name, &error)),
    }
    Ok(Lock {
        _file: file,
        #[cfg(target_os = "linux")]
        _name: named(&real).map_err(|_| another(path))?,
    })
}

/// The path of the file itself, made where there is none: only its owner may read it.
fn made(path: &Path) -> io::Result<PathBuf> {
    if path.metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        match private().write(true).create_new(true).open(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
    path.canonicalize()
}

/// What is made with these is for its owner only: it tells what the shop sells, and to whom at which price.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// A name for device and inode, which ends with the process; none where this system gives out no such names.
///
/// # Errors
/// It is taken.
#[cfg(target_os = "linux")]
fn named(real: &Path) -> io::Result<Option<std::os::unix::net::UnixListener>> {
    use std::os::{
        linux::net::SocketAddrExt as _,
        unix::{
            fs::MetadataExt as _,
            net::{SocketAddr, UnixListener},
        },
    };
    let Ok(file) = real.metadata() else { return Ok(None) };
    // The number of a deleted file is given to the next one: when it was made tells the two apart.
    let made = file.created().ok().and_then(|made| made.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
    let name = format!("cartage-{}-{}-{}", file.dev(), file.ino(), made.as_nanos());
    match SocketAddr::from_abstract_name(name).and_then(|name| UnixListener::bind_addr(&name)) {
        Ok(taken) => Ok(Some(taken)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        Err(_) => Ok(None),
    }
}

fn unusable(path: &Path, error: &io::Error) -> Fault {
    let path = path.display();
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        return disk_full(&path);
    }
    Fault::transient("C0105", format!("{path} could not be used: {error}"))
        .hint("check that the folder exists and may be written")
}

fn another(path: &Path) -> Fault {
    Fault::config("C0103", format!("another process is writing the database {}", path.display()))
        .hint("stop it first (a running `cartage run` or `cartage sync`), or use a command that only reads")
}

/// Makes this connection's process the writer; its number.
pub(super) fn take_over(db: &Connection) -> Outcome<u64> {
    let raise =
        "INSERT INTO meta VALUES ('writer', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value";
    Ok(db.query_row(raise, [], |row| row.get(0))?)
}

/// Refuses to go on where another process has become the writer since.
pub(super) fn fence(db: &Connection, writer: u64, path: &Path) -> Outcome<()> {
    let stands: u64 =
        db.prepare_cached("SELECT value FROM meta WHERE name = 'writer'")?.query_row([], |row| row.get(0))?;
    if stands == writer { Ok(()) } else { Err(another(path).into()) }
}
