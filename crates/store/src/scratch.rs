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
}
