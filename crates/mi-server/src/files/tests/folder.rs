//! The drive's folder: what is seen, opened, replaced and removed in it.

use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use mi_core::drive::DrivePath;

use super::super::disk::{DiskError, Folder, Mark, Undone, hash, look_again};
use super::super::drives::Desk;
use super::super::refresh::{Step, overlay};
use super::super::scan::{Difference, Found, Whole, look_at, read, row, walk};

const SHA256_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn name(text: &str) -> DrivePath {
    text.parse().unwrap()
}

/// A drive with a secret beside it.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["drive", "incoming", "beside"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        std::fs::write(dir.path().join("beside/secret"), "secret").unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join("drive").join(name)
    }

    fn drive(&self) -> Folder {
        Folder::open(&self.dir.path().join("drive")).unwrap()
    }

    fn incoming(&self) -> Folder {
        Folder::open(&self.dir.path().join("incoming")).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn place(&self, to: &str, text: &str) -> Result<(), DiskError> {
        self.place_for(to, text, None)
    }

    fn place_for(&self, to: &str, text: &str, owner: Option<u32>) -> Result<(), DiskError> {
        let incoming = self.incoming();
        std::io::Write::write_all(&mut incoming.create("temp").unwrap(), text.as_bytes()).unwrap();
        let placed = self.drive().place(&incoming, "temp", "aside", &name(to), owner);
        incoming.discard("temp").unwrap();
        incoming.discard("aside").unwrap();
        placed.map(drop)
    }
}

fn fifo(path: &Path) {
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
}

fn plant_everything(place: &Place) {
    place.write("good.md", "abc");
    place.write("deep/er/good.txt", "");
    fifo(&place.path("pipe"));
    symlink("good.md", place.path("link-inside")).unwrap();
    symlink("../beside/secret", place.path("link-out")).unwrap();
    symlink("/etc", place.path("link-etc")).unwrap();
    symlink("nowhere", place.path("link-broken")).unwrap();
    symlink("deep", place.path("link-folder")).unwrap();
    symlink("link-loop", place.path("link-loop")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(place.path("socket")).unwrap();
}

#[test]
fn a_walk_sees_regular_files_with_proper_names_only() {
    let place = Place::new();
    plant_everything(&place);
    place.write("e\u{301}.txt", "not composed");
    place.write("line\nbreak", "");
    place.write("_changes", "the API's own");
    std::fs::write(place.path(".hidden"), "").unwrap();
    let found = walk(&place.drive()).unwrap();
    let names: Vec<&str> = found.files.keys().map(DrivePath::as_str).collect();
    assert_eq!(names, [".hidden", "deep/er/good.txt", "good.md"]);
    assert_eq!(found.whole, Whole::Yes);
}

#[test]
fn a_look_at_some_files_sees_them_as_a_walk_does_and_nothing_else() {
    let place = Place::new();
    plant_everything(&place);
    let drive = place.drive();
    let asked = ["deep/er/good.txt", "gone.md", "pipe", "socket", "link-inside", "link-out", "link-folder", "deep"];
    let found = look_at(&drive, &asked.map(name)).unwrap();
    let walked = walk(&drive).unwrap().files.remove(&name("deep/er/good.txt")).unwrap();
    assert_eq!(found.files.into_iter().collect::<Vec<_>>(), [(name("deep/er/good.txt"), walked)]);
    assert_eq!(found.whole, Whole::Yes);
}

#[test]
fn only_regular_files_are_opened_and_nothing_through_a_link() {
    let place = Place::new();
    plant_everything(&place);
    let drive = place.drive();
    let mut text = String::new();
    drive.open_file(&name("good.md")).unwrap().0.read_to_string(&mut text).unwrap();
    assert_eq!(text, "abc");
    for (path, expect) in [
        ("pipe", "NotAFile"),
        ("socket", "NotAFile"),
        ("deep", "NotAFile"),
        ("link-inside", "NotAFile"),
        ("link-broken", "NotAFile"),
        ("link-loop", "NotAFile"),
        ("link-folder/er/good.txt", "NotAFile"),
        ("link-out", "LeadsOut"),
        ("link-etc", "LeadsOut"),
        ("link-etc/passwd", "LeadsOut"),
        ("missing", "Missing"),
        ("good.md/below", "Missing"),
        ("deep/missing", "Missing"),
    ] {
        let error = drive.open_file(&name(path)).err().map(|error| format!("{error:?}"));
        assert_eq!(error.as_deref(), Some(expect), "{path}");
    }
    assert!(matches!(drive.open_file(&name(&"x".repeat(300))), Err(DiskError::TooLong)));
}

#[test]
fn a_file_is_placed_whole_in_folders_that_pods_can_change() {
    let place = Place::new();
    place.place("reports/new/a.md", "one").unwrap();
    place.place("reports/new/a.md", "two").unwrap();
    assert_eq!(std::fs::read_to_string(place.path("reports/new/a.md")).unwrap(), "two");
    let mode = |path| std::fs::metadata(place.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("reports"), mode("reports/new"), mode("reports/new/a.md")), (0o770, 0o770, 0o660));
}

/// What stands at `a.md` after an upload of "new" over `before` was placed, `meanwhile` happened, and it was undone.
fn undone(before: Option<&str>, meanwhile: impl FnOnce(&Path)) -> (Undone, Option<String>) {
    let (place, path) = (Place::new(), name("a.md"));
    if let Some(before) = before {
        place.write("a.md", before);
    }
    let incoming = place.incoming();
    let mut file = incoming.create("temp").unwrap();
    std::io::Write::write_all(&mut file, b"new").unwrap();
    let placed = look_again(&file).unwrap();
    let spot = place.drive().place(&incoming, "temp", "aside", &path, None).unwrap();
    assert_eq!(std::fs::read_to_string(place.path("a.md")).unwrap(), "new");
    meanwhile(&place.path("a.md"));
    let undone = spot.undo(&incoming, "aside", &placed).unwrap();
    (undone, std::fs::read_to_string(place.path("a.md")).ok())
}

#[test]
fn what_was_placed_can_be_taken_back_unless_an_agent_has_touched_it() {
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(undone(None, |_| ()), (Undone::Whole, None));
    assert_eq!(undone(Some("old"), |_| ()), (Undone::Whole, text("old")));
    for before in [None, Some("old")] {
        let written = undone(before, |path| std::fs::write(path, "by an agent").unwrap());
        assert_eq!(written, (Undone::Overtaken, text("by an agent")));
        let removed = undone(before, |path| std::fs::remove_file(path).unwrap());
        assert_eq!(removed, (Undone::Overtaken, None));
        let replaced = undone(before, |path| {
            std::fs::write(path.with_extension("x"), "new").unwrap();
            std::fs::rename(path.with_extension("x"), path).unwrap();
        });
        assert_eq!(replaced, (Undone::Overtaken, text("new")));
    }
}

#[test]
fn steps_without_a_record_lie_over_the_index_where_it_is_as_they_found_it() {
    let place = Place::new();
    for path in ["kept", "changed", "gone", "faster", "new"] {
        place.write(path, path);
    }
    let found = walk(&place.drive()).unwrap();
    let rows = |sha256: &str, mark: &str| {
        let with = |(name, seen)| row(name, seen, sha256.to_owned(), Mark(mark.to_owned()));
        found.files.iter().map(with).collect::<Vec<_>>()
    };
    let index = rows("old", "1").into_iter().filter(|row| row.file.name != name("new")).collect();
    let had = |path: &str| match path {
        "new" => None,
        "faster" => Some(Mark("0".to_owned())),
        _ => Some(Mark("1".to_owned())),
    };
    let fresh = rows("fresh", "2").into_iter().filter(|row| !["kept", "gone"].contains(&row.file.name.as_str()));
    let mut steps: Vec<Step> = fresh.map(|row| Step::There { had: had(row.file.name.as_str()), row }).collect();
    steps.push(Step::Gone { name: name("gone"), had: Mark("1".to_owned()) });
    steps.push(Step::Gone { name: name("kept"), had: Mark("0".to_owned()) });
    let laid = overlay(index, &steps);
    let laid: Vec<_> = laid.values().map(|row| (row.file.name.as_str(), row.file.sha256.as_str())).collect();
    assert_eq!(laid, [("changed", "fresh"), ("faster", "old"), ("kept", "old"), ("new", "fresh")]);
}

#[test]
fn folders_made_on_the_way_belong_to_the_pods_user() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let place = Place::new();
    place.write("there/before", "");
    place.place_for("there/new/a.md", "x", Some(64_999)).unwrap();
    let owner = |path| std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(place.path(path)).unwrap());
    assert_eq!((owner("there"), owner("there/new")), (0, 64_999));
}

#[test]
fn nothing_is_placed_over_or_through_what_is_no_file() {
    let place = Place::new();
    plant_everything(&place);
    for (path, expect) in [
        ("deep", "NotAFile"),
        ("pipe", "NotAFile"),
        ("socket", "NotAFile"),
        ("link-inside", "NotAFile"),
        ("good.md/below", "NotAFile"),
        ("link-folder/x", "NotAFile"),
        ("link-out", "LeadsOut"),
        ("link-etc/x", "LeadsOut"),
    ] {
        let error = place.place(path, "evil").err().map(|error| format!("{error:?}"));
        assert_eq!(error.as_deref(), Some(expect), "{path}");
    }
    assert_eq!(std::fs::read_to_string(place.path("good.md")).unwrap(), "abc");
    assert_eq!(std::fs::read_to_string(place.dir.path().join("beside/secret")).unwrap(), "secret");
}

#[test]
fn only_regular_files_are_removed() {
    let place = Place::new();
    plant_everything(&place);
    let drive = place.drive();
    drive.remove(&name("deep/er/good.txt")).unwrap();
    assert!(!place.path("deep/er/good.txt").exists());
    for (path, expect) in [
        ("deep/er/good.txt", "Missing"),
        ("good.md/below", "Missing"),
        ("deep", "NotAFile"),
        ("pipe", "NotAFile"),
        ("link-inside", "NotAFile"),
        ("link-out", "LeadsOut"),
        ("link-etc/passwd", "LeadsOut"),
    ] {
        let error = drive.remove(&name(path)).err().map(|error| format!("{error:?}"));
        assert_eq!(error.as_deref(), Some(expect), "{path}");
    }
}

#[test]
fn the_difference_names_new_changed_and_missing_files() {
    let place = Place::new();
    for (path, text) in [("same", "a"), ("changed", "b"), ("gone", "c")] {
        place.write(path, text);
    }
    let drive = place.drive();
    let before = walk(&drive).unwrap();
    let index: Vec<_> =
        before.files.iter().map(|(name, seen)| row(name, seen, String::new(), seen.mark.clone())).collect();
    assert_eq!(Difference::between(index.clone(), &before), Difference { to_read: vec![], gone: vec![] });

    place.write("changed", "longer");
    place.write("new", "d");
    std::fs::remove_file(place.path("gone")).unwrap();
    let after = walk(&drive).unwrap();
    let difference = Difference::between(index.clone(), &after);
    let mark = |path: &str| before.files.get(&name(path)).map(|seen| seen.mark.clone());
    assert_eq!(difference.to_read, [[(name("changed"), mark("changed")), (name("new"), None)]]);
    assert_eq!(difference.gone, [(name("gone"), mark("gone").unwrap())]);

    let cut_short = Found { whole: Whole::No, ..after };
    assert_eq!(Difference::between(index, &cut_short).gone, []);
}

#[test]
fn many_files_are_read_in_batches() {
    let place = Place::new();
    for n in 0..450 {
        place.write(&format!("f{n}"), "x");
    }
    let difference = Difference::between(Vec::new(), &walk(&place.drive()).unwrap());
    let sizes: Vec<usize> = difference.to_read.iter().map(Vec::len).collect();
    assert_eq!(sizes, [200, 200, 50]);
}

#[test]
fn reading_gives_the_digest_and_leaves_out_what_cannot_be_read() {
    let place = Place::new();
    plant_everything(&place);
    let (drive, now) = (place.drive(), place.incoming().now().unwrap());
    let row = read(&drive, &name("good.md"), now).unwrap();
    assert_eq!((row.file.size, row.file.sha256.as_str()), (3, SHA256_OF_ABC));
    assert_eq!(hash(&drive.open_file(&name("good.md")).unwrap().0).unwrap(), SHA256_OF_ABC);
    for path in ["pipe", "link-out", "missing"] {
        assert_eq!(read(&drive, &name(path), now), None, "{path}");
    }
}

#[tokio::test]
async fn those_who_ask_during_a_round_share_the_next_one() {
    let (desk, rounds) = (Desk::default(), AtomicUsize::new(0));
    let round = async || {
        rounds.fetch_add(1, Ordering::Relaxed);
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        Ok::<_, ()>(vec![Step::Gone { name: name("a"), had: Mark("1".to_owned()) }])
    };
    let first = desk.refreshed(round);
    let others = async {
        let asked = futures_util::future::join_all((0..20).map(|_| desk.refreshed(round)));
        asked.await.into_iter().map(|unrecorded| unrecorded.map(|steps| steps.len())).collect::<Result<Vec<_>, ()>>()
    };
    let (one, rest) = tokio::join!(first, others);
    assert_eq!((one.map(|steps| steps.len()), rest), (Ok(1), Ok(vec![1; 20])));
    assert_eq!(rounds.load(Ordering::Relaxed), 2);

    let failed = desk.refreshed(async || Err("no")).await;
    assert_eq!(failed.err(), Some("no"));
    desk.refreshed(round).await.unwrap();
    assert_eq!(rounds.load(Ordering::Relaxed), 3, "a failed round counts for nobody");
}

#[test]
fn a_file_of_boundless_size_is_neither_shown_nor_read() {
    let place = Place::new();
    std::fs::write(place.path("small"), "abc").unwrap();
    let sparse = std::fs::File::create(place.path("sparse")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    let drive = place.drive();
    let found = walk(&drive).unwrap();
    let names: Vec<&str> = found.files.keys().map(DrivePath::as_str).collect();
    assert_eq!(names, ["small"]);
    assert!(matches!(drive.open_file(&name("sparse")), Err(DiskError::TooLarge)));
}
