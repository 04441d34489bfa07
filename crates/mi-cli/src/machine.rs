//! The person's own machine, as far as a command changes it: services that outlive the terminal.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::fault::Fault;
use crate::whole_file;

/// Starts a program and says whether it succeeded; what it prints is dropped.
pub type Start = fn(&str, &[&str]) -> io::Result<bool>;

/// What is handed in, so that tests change no machine.
#[derive(Debug, Clone)]
pub struct Machine {
    pub start: Start,
    /// The program `mi` itself.
    pub program: PathBuf,
    pub keeper: Keeper,
}

/// Who keeps a service of a person running here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    Systemd,
    Launchd,
}

impl Machine {
    pub fn of_process() -> Self {
        // Without a path to itself it is looked for on PATH, like any other program.
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("mi"));
        let keeper = if cfg!(target_os = "macos") { Keeper::Launchd } else { Keeper::Systemd };
        Self { start: run, program, keeper }
    }
}

fn run(program: &str, arguments: &[&str]) -> io::Result<bool> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.status()?.success())
}

/// A program that shall always run, for the person who asked.
pub struct Service {
    /// Letters, digits and dashes.
    pub name: String,
    pub about: String,
    pub arguments: Vec<String>,
    pub variables: Vec<(&'static str, String)>,
    /// With these exit codes it has ended for good.
    pub ends_with: Vec<u8>,
}

/// What became of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It runs, and this file says so to the keeper.
    Running(PathBuf),
    /// Nobody keeps services for people here.
    Nobody,
}

impl Machine {
    /// `home` is the person's, `config` where services of systemd's stand.
    pub fn keep(&self, service: &Service, home: &Path, config: &Path) -> Result<Kept, Fault> {
        match self.keeper {
            Keeper::Systemd => self.keep_by_systemd(service, config),
            Keeper::Launchd => self.keep_by_launchd(service, home),
        }
    }

    /// The service of this name is kept no more. Gives where it stood, if it did.
    pub fn release(&self, name: &str, home: &Path, config: &Path) -> Result<Option<PathBuf>, Fault> {
        let place = match self.keeper {
            Keeper::Systemd => unit_place(name, config),
            Keeper::Launchd => list_place(name, home),
        };
        if !place.exists() {
            return Ok(None);
        }
        let (unit, path) = (format!("{name}.service"), place.to_string_lossy().into_owned());
        // Where no manager runs now, nothing runs that it would have to stop.
        let _stopped = match self.keeper {
            Keeper::Systemd => self.works("systemctl", &["--user", "disable", "--now", &unit]),
            Keeper::Launchd => self.works("launchctl", &["unload", "-w", &path]),
        };
        fs::remove_file(&place).map_err(|fault| Fault::io(format!("{path} can't be removed"), fault))?;
        let _forgotten = self.keeper == Keeper::Systemd && self.works("systemctl", &["--user", "daemon-reload"]);
        Ok(Some(place))
    }

    fn works(&self, program: &str, arguments: &[&str]) -> bool {
        (self.start)(program, arguments).unwrap_or(false)
    }

    fn keep_by_systemd(&self, service: &Service, config: &Path) -> Result<Kept, Fault> {
        // Fails where no manager runs for this user: in most containers, or over a bare ssh.
        if !self.works("systemctl", &["--user", "show-environment"]) {
            return Ok(Kept::Nobody);
        }
        let unit = format!("{}.service", service.name);
        let place = unit_place(&service.name, config);
        write(&place, &self.unit(service))?;
        let steps: [&[&str]; 3] =
            [&["--user", "daemon-reload"], &["--user", "enable", &unit], &["--user", "restart", &unit]];
        for step in steps {
            if !self.works("systemctl", step) {
                let said = format!("systemctl {} failed", step.join(" "));
                return Err(Fault::failed(said, format!("systemctl --user status {unit} says why")));
            }
        }
        Ok(Kept::Running(place))
    }

    fn unit(&self, service: &Service) -> String {
        let program = quoted(&self.program.to_string_lossy());
        let arguments: Vec<String> = service.arguments.iter().map(|text| quoted(text)).collect();
        let variables: Vec<String> = service
            .variables
            .iter()
            .map(|(name, value)| format!("Environment={}\n", quoted(&format!("{name}={value}"))))
            .collect();
        let ends: Vec<String> = service.ends_with.iter().map(u8::to_string).collect();
        format!(
            "[Unit]\nDescription={about}\nAfter=network-online.target\nStartLimitIntervalSec=0\n\n\
             [Service]\nExecStart={program} {arguments}\n{variables}Restart=on-failure\nRestartSec=30\n\
             RestartPreventExitStatus={ends}\nNoNewPrivileges=yes\n\n[Install]\nWantedBy=default.target\n",
            about = service.about.replace('%', "%%"),
            arguments = arguments.join(" "),
            variables = variables.concat(),
            ends = ends.join(" "),
        )
    }

    fn keep_by_launchd(&self, service: &Service, home: &Path) -> Result<Kept, Fault> {
        let place = list_place(&service.name, home);
        write(&place, &self.plist(service))?;
        let path = place.to_string_lossy().into_owned();
        // One of that name may run already; then there is something to unload, else not.
        let _was_there = self.works("launchctl", &["unload", &path]);
        if self.works("launchctl", &["load", "-w", &path]) { Ok(Kept::Running(place)) } else { Ok(Kept::Nobody) }
    }

    fn plist(&self, service: &Service) -> String {
        let string = |text: &str| format!("<string>{}</string>", escaped(text));
        let program = self.program.to_string_lossy();
        let words: Vec<String> =
            std::iter::once(&*program).chain(service.arguments.iter().map(String::as_str)).map(string).collect();
        let variables: Vec<String> =
            service.variables.iter().map(|(name, value)| format!("<key>{name}</key>{}", string(value))).collect();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>\n\
             <key>Label</key>{label}\n<key>ProgramArguments</key><array>{words}</array>\n\
             <key>EnvironmentVariables</key><dict>{variables}</dict>\n\
             <key>RunAtLoad</key><true/>\n\
             <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>\n\
             <key>ThrottleInterval</key><integer>30</integer>\n</dict></plist>\n",
            label = string(&service.name),
            words = words.concat(),
            variables = variables.concat(),
        )
    }
}

fn unit_place(name: &str, config: &Path) -> PathBuf {
    config.join("systemd/user").join(format!("{name}.service"))
}

fn list_place(name: &str, home: &Path) -> PathBuf {
    home.join("Library/LaunchAgents").join(format!("{name}.plist"))
}

fn write(place: &Path, text: &str) -> Result<(), Fault> {
    const READABLE: u32 = 0o644;
    let unwritable = |fault| Fault::io(format!("{} can't be written", place.display()), fault);
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(unwritable)?;
    }
    let (draft, mut file) = whole_file::Draft::open(place, READABLE).map_err(unwritable)?;
    io::Write::write_all(&mut file, text.as_bytes()).map_err(unwritable)?;
    draft.keep().map_err(unwritable)
}

/// One word of a unit (systemd.syntax(7)): nothing in it is taken for something else.
fn quoted(text: &str) -> String {
    let safe = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    format!("\"{}\"", safe.replace('\n', "\\n"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service {
        Service {
            name: "mi-heartbeat-5b7e3c1a-ada".to_owned(),
            about: "Mitosis: ada is there".to_owned(),
            arguments: vec!["agent".to_owned(), "heartbeat-daemon".to_owned(), "100% \"ada\"".to_owned()],
            variables: vec![("MI_HOME", "/home/a b/.mi".to_owned())],
            ends_with: vec![4],
        }
    }

    fn machine(keeper: Keeper, start: Start) -> Machine {
        Machine { start, program: PathBuf::from("/opt/my programs/mi"), keeper }
    }

    #[test]
    fn systemd_is_given_a_unit_that_means_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let kept = machine(Keeper::Systemd, |_, _| Ok(true)).keep(&service(), folder.path(), folder.path()).unwrap();
        let place = folder.path().join("systemd/user/mi-heartbeat-5b7e3c1a-ada.service");
        assert_eq!(kept, Kept::Running(place.clone()));
        let text = fs::read_to_string(place).unwrap();
        let line = r#"ExecStart="/opt/my programs/mi" "agent" "heartbeat-daemon" "100%% \"ada\"""#;
        assert!(text.contains(line), "{text}");
        assert!(text.contains("Environment=\"MI_HOME=/home/a b/.mi\"\n"), "{text}");
        assert!(text.contains("RestartPreventExitStatus=4\n"), "{text}");
    }

    #[test]
    fn what_is_kept_no_more_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for keeper in [Keeper::Systemd, Keeper::Launchd] {
            let machine = machine(keeper, |_, _| Ok(true));
            let Kept::Running(place) = machine.keep(&service(), folder.path(), folder.path()).unwrap() else {
                panic!("it is kept");
            };
            let name = service().name;
            assert_eq!(machine.release(&name, folder.path(), folder.path()).unwrap(), Some(place.clone()));
            assert!(!place.exists());
            assert_eq!(machine.release(&name, folder.path(), folder.path()).unwrap(), None);
        }
    }

    /// systemd's own opinion, where it can be asked.
    #[test]
    fn systemd_reads_the_unit_without_a_word() {
        let folder = tempfile::tempdir().unwrap();
        let program = PathBuf::from("/bin/sh");
        let machine = Machine { start: |_, _| Ok(true), program, keeper: Keeper::Systemd };
        machine.keep(&service(), folder.path(), folder.path()).unwrap();
        let unit = folder.path().join("systemd/user/mi-heartbeat-5b7e3c1a-ada.service");
        let mut verify = Command::new("systemd-analyze");
        match verify.args(["--user", "verify"]).arg(&unit).env("XDG_RUNTIME_DIR", folder.path()).output() {
            Err(fault) => println!("skipped: systemd-analyze verify ({fault})"),
            Ok(said) => {
                let text = String::from_utf8_lossy(&said.stderr).into_owned();
                let about_ours: Vec<&str> = text.lines().filter(|line| line.contains("mi-heartbeat")).collect();
                assert_eq!(about_ours, Vec::<&str>::new(), "{text}");
            }
        }
    }

    #[test]
    fn where_nobody_keeps_services_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        for start in [(|_: &str, _: &[&str]| Ok(false)) as Start, |_, _| Err(io::ErrorKind::NotFound.into())] {
            let kept = machine(Keeper::Systemd, start).keep(&service(), folder.path(), folder.path()).unwrap();
            assert_eq!(kept, Kept::Nobody);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn launchd_is_given_a_list_of_properties() {
        let folder = tempfile::tempdir().unwrap();
        machine(Keeper::Launchd, |_, _| Ok(true)).keep(&service(), folder.path(), folder.path()).unwrap();
        let text =
            fs::read_to_string(folder.path().join("Library/LaunchAgents/mi-heartbeat-5b7e3c1a-ada.plist")).unwrap();
        assert!(text.contains("<string>/opt/my programs/mi</string><string>agent</string>"), "{text}");
    }
}
