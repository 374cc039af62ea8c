//! Temporary folders.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use contract::Fault;

/// Most folders of one process; also passes over those that a killed process with the same number left behind.
const MOST: usize = 1_000;

/// A new empty folder among the system's temporary ones, deleted when it is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Creates it.
    ///
    /// # Errors
    /// `C0105`: it can't be created.
    pub fn new() -> Result<Self, Fault> {
        let temporary = std::env::temp_dir();
        for number in 0..MOST {
            let folder = temporary.join(format!("cartage-{}-{number}", std::process::id()));
            match fs::create_dir(&folder) {
                Ok(()) => return Ok(Self(folder)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(unusable(&folder, &error.to_string())),
            }
        }
        Err(unusable(&temporary, "it is full of folders that other runs left behind"))
    }

    /// Deletes the folders of processes that were killed, where the system shows which processes there are.
    pub fn delete_abandoned() {
        delete_abandoned(&std::env::temp_dir());
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::debug!(folder = %self.0.display(), %error, "a temporary folder can't be deleted");
        }
    }
}

fn delete_abandoned(among: &Path) {
    let processes = Path::new("/proc");
    if !processes.join("self").exists() {
        return;
    }
    for entry in fs::read_dir(among).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let numbers = name.to_str().and_then(|name| name.strip_prefix("cartage-")?.split_once('-'));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if let Some((process, number)) = numbers
            && is_number(process)
            && is_number(number)
            && !processes.join(process).exists()
        {
            // It may belong to another user, and then it stays.
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

fn unusable(folder: &Path, why: &str) -> Fault {
    Fault::transient("C0105", format!("{} can't be created: {why}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_folder_is_new_and_deleted_when_it_is_dropped() {
        let (one, other) = (Scratch::new().unwrap(), Scratch::new().unwrap());
        assert!(one.path().is_dir() && one.path() != other.path());
        let gone = one.path().to_owned();
        drop(one);
        assert!(!gone.exists() && other.path().is_dir());
    }

    #[test]
    fn only_folders_of_processes_that_are_gone_are_deleted() {
        let among = tempfile::tempdir().unwrap();
        let own = format!("cartage-{}-0", std::process::id());
        // No process has so high a number.
        let all = ["cartage-99999999-0", "cartage-x-0", "cartage-99999999", "other-99999999-0", own.as_str()];
        for name in all {
            fs::create_dir(among.path().join(name)).unwrap();
        }
        delete_abandoned(among.path());
        let left = all.map(|name| among.path().join(name).exists());
        assert_eq!(left, [!cfg!(target_os = "linux"), true, true, true, true]);
    }
}
