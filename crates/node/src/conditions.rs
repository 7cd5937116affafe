//! When a machine may take jobs: a phone while it charges, a desktop while nobody uses it.
//!
//! All is read from what Linux shows in `/sys` and `/proc`; whether NetworkManager counts the network as metered its own
//! `nmcli` is asked, where there is one. What cannot be read counts as not holding, and is said.

use chrono::Timelike;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time between two looks at the machine.
const EVERY: Duration = Duration::from_secs(10);
/// Looks over which the use of the processor is averaged: a minute.
const SAMPLES: usize = 7;
/// Others may use less than so much of the processor for the machine to count as idle, per cent.
const IDLE: u64 = 25;
/// A machine that was too hot takes jobs again when it is so much cooler, degrees Celsius.
const COOLER: i64 = 5;
/// Sensors that show less or more than this are broken, degrees Celsius.
const SENSIBLE: std::ops::Range<i64> = 1..150;
/// Names of network devices that go over a mobile network.
const MOBILE: [&str; 5] = ["wwan", "rmnet", "ppp", "ccmni", "wwp"];
/// Sensors of processors among all that a machine may have.
const PROCESSORS: [&str; 4] = ["coretemp", "k10temp", "zenpower", "cpu_thermal"];

/// Something that must hold for a job to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Others use less than a quarter of the processor, over a minute.
    Idle,
    /// It does not run on battery.
    Charging,
    /// The network does not count bytes.
    Unmetered,
}

impl std::str::FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "idle" => Ok(Self::Idle),
            "charging" => Ok(Self::Charging),
            "unmetered" => Ok(Self::Unmetered),
            _ => Err(format!(
                "`{text}` is no condition: use idle, charging, unmetered, with commas between"
            )),
        }
    }
}

/// Hours of the day, of this machine's time zone: from the first until before the last, over midnight where the last is
/// not later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: u32,
    to: u32,
}

impl Hours {
    fn hold(self, hour: u32) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&hour)
        } else {
            hour >= self.from || hour < self.to
        }
    }
}

impl std::str::FromStr for Hours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (from, to) = text.split_once('-')?;
            let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
            (from < 24 && to <= 24 && from != to % 24).then_some(Self { from, to })
        };
        read().ok_or_else(|| {
            format!("`{text}` are no hours: write the first and the last of the day, such as 22-6")
        })
    }
}

/// What must hold for jobs to be taken; by default nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// All of these.
    pub when: Vec<When>,
    /// Only in these hours.
    pub hours: Option<Hours>,
    /// Only while no sensor shows this or more, degrees Celsius; and after that again when it is five degrees cooler.
    pub most_temperature: Option<u8>,
    /// What runs is given up too, so long after a condition ceased to hold. That costs a part of the jobs' escrow; without
    /// it, what was accepted is finished.
    pub give_up_after: Option<Duration>,
}

/// Where a machine shows how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The folder `/sys`.
    pub sys: PathBuf,
    /// The folder `/proc`.
    pub proc: PathBuf,
    /// NetworkManager's program, if it is there.
    pub nmcli: Option<PathBuf>,
}

impl Default for Machine {
    fn default() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut programs = std::env::split_paths(&path).map(|folder| folder.join("nmcli"));
        Self {
            sys: "/sys".into(),
            proc: "/proc".into(),
            nmcli: programs.find(|program| program.is_file()),
        }
    }
}

fn text(path: impl AsRef<Path>) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned())
}

/// Entries of a folder, in an order that does not change.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = std::fs::read_dir(folder).into_iter().flatten();
    let mut entries: Vec<PathBuf> = found.filter_map(|e| Some(e.ok()?.path())).collect();
    entries.sort();
    entries
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Where a machine has its power from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Power {
    /// From outside, or it has no battery at all.
    Outside,
    /// From a battery; per cent that are left, if it says so.
    Battery(Option<u8>),
}

/// Ticks of the processor since the machine was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    all: u64,
    /// Of these, others than this program and its jobs worked.
    others: u64,
}

/// How the network is counted, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Network {
    device: String,
    metered: bool,
    by: &'static str,
}

impl Machine {
    fn power(&self) -> Power {
        let supplies = entries(&self.sys.join("class/power_supply"));
        let of = |supply: &PathBuf, what: &str| text(supply.join(what)).unwrap_or_default();
        // the battery of a mouse is not what the machine lives on
        let own = |supply: &&PathBuf| of(supply, "scope") != "Device";
        let batteries = supplies
            .iter()
            .filter(own)
            .filter(|supply| of(supply, "type") == "Battery");
        let plugged = supplies
            .iter()
            .filter(|supply| of(supply, "type") != "Battery")
            .any(|supply| of(supply, "online") == "1");
        let mut left = None;
        let (mut any, mut discharges) = (false, false);
        for battery in batteries {
            any = true;
            let full = ["Charging", "Full", "Not charging"];
            let status = of(battery, "status");
            if !full.contains(&status.as_str()) && (status == "Discharging" || !plugged) {
                discharges = true;
                left = of(battery, "capacity").parse().ok();
            }
        }
        if any && discharges {
            Power::Battery(left)
        } else {
            Power::Outside
        }
    }

    /// What the hottest sensor of a processor or a thermal zone shows, degrees Celsius.
    fn temperature(&self) -> Option<i64> {
        let zones = entries(&self.sys.join("class/thermal"))
            .into_iter()
            .filter(|zone| name(zone).starts_with("thermal_zone"))
            .map(|zone| zone.join("temp"));
        let chips = entries(&self.sys.join("class/hwmon"))
            .into_iter()
            .filter(|chip| {
                let chip = text(chip.join("name")).unwrap_or_default();
                PROCESSORS.contains(&chip.as_str())
            });
        let inputs = chips.flat_map(|chip| entries(&chip)).filter(|sensor| {
            let sensor = name(sensor);
            sensor.starts_with("temp") && sensor.ends_with("_input")
        });
        zones
            .chain(inputs)
            .filter_map(|sensor| text(sensor)?.parse::<i64>().ok())
            .map(|thousandths| thousandths / 1_000)
            .filter(|degrees| SENSIBLE.contains(degrees))
            .max()
    }

    fn ticks(&self) -> Option<Ticks> {
        let stat = text(self.proc.join("stat"))?;
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let fields: Vec<u64> = line
            .split_whitespace()
            .map_while(|field| field.parse().ok())
            .collect();
        // user, nice, system, idle, iowait, irq, softirq, steal; what guests use is in user and nice already
        let [user, nice, system, idle, iowait, irq, softirq, steal, ..] = fields.as_slice() else {
            return None;
        };
        let sum = |fields: &[&u64]| fields.iter().fold(0u64, |sum, n| sum.saturating_add(**n));
        let busy = sum(&[user, nice, system, irq, softirq, steal]);
        Some(Ticks {
            all: sum(&[&busy, idle, iowait]),
            others: busy.saturating_sub(self.own_ticks()?),
        })
    }

    /// Ticks of this program, of the jobs that it ran and of those that run.
    fn own_ticks(&self) -> Option<u64> {
        let me = Process::read(&self.proc.join("self"))?;
        let processes = entries(&self.proc).into_iter().filter(|folder| {
            let name = name(folder);
            name.bytes().all(|b| b.is_ascii_digit())
        });
        let jobs = processes
            .filter_map(|folder| Process::read(&folder))
            .filter(|process| process.parent == me.id)
            .fold(0u64, |sum, process| sum.saturating_add(process.ticks));
        Some(me.ticks.saturating_add(me.ended_ticks).saturating_add(jobs))
    }

    /// The device of the default route.
    fn device(&self) -> Option<String> {
        let v4 = text(self.proc.join("net/route")).unwrap_or_default();
        let of_v4 = v4.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            match fields.as_slice() {
                [device, "00000000", _, _, _, _, metric, "00000000", ..] => {
                    Some((metric.parse::<u32>().ok()?, device.to_string()))
                }
                _ => None,
            }
        });
        if let Some((_, device)) = of_v4.min() {
            return Some(device);
        }
        let v6 = text(self.proc.join("net/ipv6_route")).unwrap_or_default();
        let of_v6 = v6.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            match fields.as_slice() {
                [to, "00", _, _, _, metric, _, _, _, device]
                    if to.bytes().all(|b| b == b'0') && *device != "lo" =>
                {
                    Some((u32::from_str_radix(metric, 16).ok()?, device.to_string()))
                }
                _ => None,
            }
        });
        of_v6.min().map(|(_, device)| device)
    }

    fn network(&self) -> Option<Network> {
        let device = self.device()?;
        if let Some(metered) = self.ask_network_manager(&device) {
            return Some(Network {
                device,
                metered,
                by: "NetworkManager says so",
            });
        }
        let about = text(self.sys.join("class/net").join(&device).join("uevent"));
        let mobile = about.is_some_and(|about| about.lines().any(|line| line == "DEVTYPE=wwan"));
        let metered = mobile || MOBILE.iter().any(|prefix| device.starts_with(prefix));
        Some(Network {
            device,
            metered,
            by: "by the kind of its device, without NetworkManager",
        })
    }

    fn ask_network_manager(&self, device: &str) -> Option<bool> {
        let asked = std::process::Command::new(self.nmcli.as_ref()?)
            .args(["--wait", "2", "-g", "GENERAL.METERED", "device", "show"])
            .arg(device)
            .env("LC_ALL", "C")
            .stdin(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&asked.stdout).into_owned();
        // `yes`, `no`, the same with `(guessed)`, or `unknown`
        match said.split_whitespace().next()? {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        }
    }

    /// What it shows of itself, in a line for people.
    pub fn describe(&self) -> String {
        let power = match self.power() {
            Power::Outside => "power from outside, or no battery".to_owned(),
            Power::Battery(left) => on_battery(left),
        };
        let temperature = self.temperature().map_or_else(
            || "no temperature shown".to_owned(),
            |degrees| format!("{degrees} degrees"),
        );
        let network = self.network().map_or_else(
            || "no default route".to_owned(),
            |network| {
                let metered = if network.metered {
                    "metered"
                } else {
                    "not metered"
                };
                format!("network by {}, {metered} ({})", network.device, network.by)
            },
        );
        format!("{power}; {temperature}; {network}")
    }
}

fn on_battery(left: Option<u8>) -> String {
    let left = left.map_or(String::new(), |left| format!(", {left}% left"));
    format!("it runs on battery{left}")
}

/// What `/proc` says of a process.
struct Process {
    id: u64,
    parent: u64,
    ticks: u64,
    /// Of its children that ended.
    ended_ticks: u64,
}

impl Process {
    fn read(folder: &Path) -> Option<Self> {
        let stat = text(folder.join("stat"))?;
        let (id, _) = stat.split_once(' ')?;
        // the name in brackets may hold anything
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
        Some(Self {
            id: id.parse().ok()?,
            parent: number(1)?,
            ticks: number(11)?.saturating_add(number(12)?),
            ended_ticks: number(13)?.saturating_add(number(14)?),
        })
    }
}

/// Why no job is taken now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    /// Which condition: the same as long as it does not hold.
    pub kind: &'static str,
    /// For people.
    pub text: String,
}

/// Watches a machine for its conditions.
pub(crate) struct Eyes {
    conditions: Conditions,
    machine: Machine,
    ticks: VecDeque<Ticks>,
    hot: bool,
    looked: Option<Instant>,
    /// Why no job is taken, as of the last look.
    reasons: Vec<Reason>,
    failing_since: Option<Instant>,
}

impl Eyes {
    fn new(conditions: Conditions, machine: Machine) -> Self {
        Self {
            conditions,
            machine,
            ticks: VecDeque::new(),
            hot: false,
            looked: None,
            reasons: Vec::new(),
            failing_since: None,
        }
    }

    /// Eyes for these conditions; nothing to look with where there are none.
    pub(crate) fn of(conditions: Conditions, machine: Machine) -> Option<Self> {
        let any = !conditions.when.is_empty()
            || conditions.hours.is_some()
            || conditions.most_temperature.is_some();
        any.then(|| Self::new(conditions, machine))
    }

    /// Why no job is taken now; looks at the machine if the last look is old.
    pub(crate) fn look(&mut self, now: Instant) -> &[Reason] {
        let fresh = |at: Instant| now.saturating_duration_since(at) < EVERY;
        if !self.looked.is_some_and(fresh) {
            self.looked = Some(now);
            let here = chrono::Local::now();
            self.reasons = self.judge(here.hour(), here.minute());
            self.failing_since = match self.reasons.is_empty() {
                true => None,
                false => self.failing_since.or(Some(now)),
            };
        }
        &self.reasons
    }

    /// What runs is to be given up as well.
    pub(crate) fn gives_up(&self, now: Instant) -> bool {
        let fails = self
            .failing_since
            .map(|since| now.saturating_duration_since(since));
        let limit = self.conditions.give_up_after;
        limit.is_some_and(|limit| fails.is_some_and(|fails| fails >= limit))
    }

    fn judge(&mut self, hour: u32, minute: u32) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let mut say = |kind, text: String| reasons.push(Reason { kind, text });
        if let Some(hours) = self.conditions.hours.filter(|hours| !hours.hold(hour)) {
            let (from, to) = (hours.from, hours.to);
            let text = format!("it is {hour}:{minute:02}, and it takes jobs from {from} to {to}");
            say("hours", text);
        }
        if let Some(most) = self.conditions.most_temperature {
            let most = i64::from(most);
            match self.machine.temperature() {
                None => say(
                    "temperature",
                    "no temperature can be read here: leave out --most-temperature".into(),
                ),
                Some(now) => {
                    self.hot = now >= most || (self.hot && now > most - COOLER);
                    if self.hot {
                        let again = most - COOLER;
                        say("temperature", format!("it has {now} degrees, and takes jobs below {most}, after that again at {again}"));
                    }
                }
            }
        }
        for when in self.conditions.when.clone() {
            match when {
                When::Idle => {
                    if let Some(text) = self.use_by_others() {
                        say("idle", text);
                    }
                }
                When::Charging => {
                    if let Power::Battery(left) = self.machine.power() {
                        say("charging", on_battery(left));
                    }
                }
                When::Unmetered => match self.machine.network() {
                    None => say("unmetered", "there is no default route".into()),
                    Some(network) if network.metered => {
                        let Network { device, by, .. } = network;
                        say(
                            "unmetered",
                            format!("the network by {device} is metered ({by})"),
                        );
                    }
                    Some(_) => {}
                },
            }
        }
        reasons
    }

    /// Why the machine does not count as idle, if it does not.
    fn use_by_others(&mut self) -> Option<String> {
        let Some(now) = self.machine.ticks() else {
            return Some("the use of the processor cannot be read here: leave `idle` out".into());
        };
        self.ticks.push_back(now);
        if self.ticks.len() > SAMPLES {
            self.ticks.pop_front();
        }
        let first = self.ticks.front()?;
        let all = now.all.saturating_sub(first.all);
        let others = now.others.saturating_sub(first.others);
        match others.saturating_mul(100).checked_div(all) {
            None => Some("it is not known yet whether the machine is idle".into()),
            Some(share) if share >= IDLE => Some(format!(
                "others use {share}% of the processor, and it takes jobs below {IDLE}%"
            )),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A machine in a folder.
    struct Fake(tempfile::TempDir);

    impl Fake {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("{text}\n")).unwrap();
        }

        fn supply(&self, name: &str, fields: &[(&str, &str)]) {
            for (field, value) in fields {
                self.write(&format!("sys/class/power_supply/{name}/{field}"), value);
            }
        }

        fn route(&self, lines: &str) {
            let head = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT";
            self.write("proc/net/route", &format!("{head}\n{lines}"));
        }

        fn network_manager_says(&self, words: &str) {
            use std::os::unix::fs::PermissionsExt;
            self.write("nmcli", &format!("#!/bin/sh\necho '{words}'"));
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(self.0.path().join("nmcli"), mode).unwrap();
        }

        /// Ticks that others and this program used, of 1 000 in all since the last call.
        fn use_ticks(&self, all: u64, others: u64, own: u64, job: u64) {
            let busy = others + own + job;
            let idle = all - busy;
            self.write(
                "proc/stat",
                &format!("cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 2 3"),
            );
            let stat = |id, parent, ticks| {
                format!("{id} (a ) b) S {parent} 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 1 0 5")
            };
            self.write("proc/self/stat", &stat(7, 1, own));
            self.write("proc/7/stat", &stat(7, 1, own));
            self.write("proc/9/stat", &stat(9, 7, job));
            self.write("proc/11/stat", &stat(11, 1, others));
        }

        fn machine(&self) -> Machine {
            let nmcli = self.0.path().join("nmcli");
            Machine {
                sys: self.0.path().join("sys"),
                proc: self.0.path().join("proc"),
                nmcli: nmcli.is_file().then_some(nmcli),
            }
        }

        fn eyes(&self, when: &[When]) -> Eyes {
            let conditions = Conditions {
                when: when.to_vec(),
                ..Conditions::default()
            };
            Eyes::new(conditions, self.machine())
        }
    }

    fn kinds(reasons: &[Reason]) -> Vec<&'static str> {
        reasons.iter().map(|reason| reason.kind).collect()
    }

    #[test]
    fn hours_go_over_midnight_and_end_before_the_last() {
        let hold = |text: &str, hour| text.parse::<Hours>().unwrap().hold(hour);
        for (hour, holds) in [(21, false), (22, true), (0, true), (5, true), (6, false)] {
            assert_eq!(hold("22-6", hour), holds, "{hour}");
        }
        assert!(hold("8-24", 23) && !hold("8-24", 7));
        assert!(hold("0-1", 0) && !hold("0-1", 1));
        for wrong in ["", "22", "22-25", "24-3", "6-6", "0-24", "a-b", "22:30-6"] {
            assert!(
                wrong.parse::<Hours>().unwrap_err().contains("22-6"),
                "{wrong}"
            );
        }
        assert!("sleeping".parse::<When>().unwrap_err().contains("idle"));
    }

    #[test]
    fn a_machine_charges_when_no_battery_of_its_own_discharges() {
        let fake = Fake::new();
        let mut eyes = fake.eyes(&[When::Charging]);
        // a desktop: nothing at all, or a mouse
        assert_eq!(eyes.judge(0, 0), []);
        fake.supply(
            "mouse",
            &[
                ("type", "Battery"),
                ("scope", "Device"),
                ("status", "Discharging"),
            ],
        );
        assert_eq!(eyes.judge(0, 0), []);
        let battery = |status, capacity| {
            let of = [
                ("type", "Battery"),
                ("status", status),
                ("capacity", capacity),
            ];
            fake.supply("BAT0", &of);
        };
        battery("Discharging", "41");
        let reasons = eyes.judge(0, 0);
        assert_eq!(kinds(&reasons), ["charging"]);
        assert!(reasons[0].text.contains("41%"), "{reasons:?}");
        for status in ["Charging", "Full", "Not charging"] {
            battery(status, "80");
            assert_eq!(eyes.judge(0, 0), [], "{status}");
        }
        // a battery that does not know lives on the plug, if there is one
        battery("Unknown", "80");
        assert_eq!(kinds(&eyes.judge(0, 0)), ["charging"]);
        fake.supply("AC", &[("type", "Mains"), ("online", "1")]);
        assert_eq!(eyes.judge(0, 0), []);
    }

    #[test]
    fn a_hot_machine_waits_until_it_is_five_degrees_cooler() {
        let fake = Fake::new();
        let conditions = Conditions {
            most_temperature: Some(75),
            ..Conditions::default()
        };
        let mut eyes = Eyes::new(conditions, fake.machine());
        // no sensor, or none that makes sense
        fake.write("sys/class/thermal/thermal_zone0/temp", "-274000");
        assert!(eyes.judge(0, 0)[0].text.contains("leave out"));
        for (sensor, too_hot) in [
            ("74999", false),
            ("75000", true),
            ("71000", true),
            ("70000", false),
            ("74000", false),
        ] {
            fake.write("sys/class/thermal/thermal_zone1/temp", sensor);
            assert_eq!(eyes.judge(0, 0).len(), usize::from(too_hot), "{sensor}");
        }
        // the hottest counts; disks do not
        fake.write("sys/class/hwmon/hwmon0/name", "nvme");
        fake.write("sys/class/hwmon/hwmon0/temp1_input", "85000");
        assert_eq!(eyes.judge(0, 0), []);
        fake.write("sys/class/hwmon/hwmon1/name", "k10temp");
        fake.write("sys/class/hwmon/hwmon1/temp1_input", "85000");
        assert_eq!(kinds(&eyes.judge(0, 0)), ["temperature"]);
    }

    #[test]
    fn what_others_use_keeps_from_work_and_what_jobs_use_does_not() {
        let fake = Fake::new();
        let mut eyes = fake.eyes(&[When::Idle]);
        assert!(eyes.judge(0, 0)[0].text.contains("leave `idle` out"));
        let mut look = |all, others, own, job| {
            fake.use_ticks(all, others, own, job);
            eyes.judge(0, 0)
        };
        assert!(look(10_000, 5_000, 10, 0)[0].text.contains("not known"));
        // jobs take all that is left
        assert_eq!(look(11_000, 5_200, 20, 780), []);
        let reasons = look(12_000, 5_900, 30, 1_000);
        assert!(reasons[0].text.contains("45%"), "{reasons:?}");
        // an old use is forgotten after a minute
        let mut last = reasons;
        for n in 1..=6 {
            last = look(12_000 + n * 1_000, 5_900, 30, 1_000);
        }
        assert_eq!(last, []);
    }

    #[test]
    fn a_network_is_metered_by_its_kind_or_by_what_network_manager_says() {
        let fake = Fake::new();
        let mut eyes = fake.eyes(&[When::Unmetered]);
        assert!(eyes.judge(0, 0)[0].text.contains("no default route"));
        let line = |device: &str, to: &str, metric: u32| {
            format!("{device} {to} 0100000A 0003 0 0 {metric} 00000000 0 0 0")
        };
        fake.route(&line("eth0", "00000000", 100));
        assert_eq!(eyes.judge(0, 0), []);
        // the route of the least metric is taken
        let both = [
            line("eth0", "00000000", 600),
            line("wwan0", "00000000", 100),
        ];
        fake.route(&both.join("\n"));
        assert_eq!(kinds(&eyes.judge(0, 0)), ["unmetered"]);
        // a device that calls itself otherwise
        fake.route(&line("usb0", "00000000", 100));
        assert_eq!(eyes.judge(0, 0), []);
        fake.write("sys/class/net/usb0/uevent", "DEVTYPE=wwan\nINTERFACE=usb0");
        assert_eq!(kinds(&eyes.judge(0, 0)), ["unmetered"]);
        // IPv6 alone
        fake.route("");
        let zeros = "0".repeat(32);
        let v6 = |device: &str| {
            format!("{zeros} 00 {zeros} 00 {zeros} 00000400 00000001 00000000 00000003 {device}")
        };
        fake.write("proc/net/ipv6_route", &[v6("lo"), v6("rmnet0")].join("\n"));
        assert!(eyes.judge(0, 0)[0].text.contains("rmnet0"));
        // NetworkManager knows better
        fake.network_manager_says("no (guessed)");
        let conditions = eyes.conditions.clone();
        let mut eyes = Eyes::new(conditions, fake.machine());
        assert_eq!(eyes.judge(0, 0), []);
        fake.network_manager_says("yes");
        assert!(eyes.judge(0, 0)[0].text.contains("NetworkManager"));
        fake.network_manager_says("unknown");
        assert!(eyes.judge(0, 0)[0].text.contains("by the kind"));
    }

    #[test]
    fn what_runs_is_given_up_only_where_that_is_wanted_and_not_at_once() {
        let fake = Fake::new();
        fake.supply("BAT0", &[("type", "Battery"), ("status", "Discharging")]);
        let start = Instant::now();
        let grace = Duration::from_secs(30);
        for give_up_after in [None, Some(grace)] {
            let mut eyes = fake.eyes(&[When::Charging]);
            eyes.conditions.give_up_after = give_up_after;
            assert_eq!(kinds(eyes.look(start)), ["charging"]);
            assert!(!eyes.gives_up(start + grace - Duration::from_secs(1)));
            assert_eq!(eyes.gives_up(start + grace), give_up_after.is_some());
            // seen again only at the next look
            fake.supply("BAT0", &[("status", "Full")]);
            assert_eq!(kinds(eyes.look(start + EVERY / 2)), ["charging"]);
            assert!(eyes.look(start + EVERY).is_empty());
            assert!(!eyes.gives_up(start + grace * 2));
            fake.supply("BAT0", &[("status", "Discharging")]);
        }
    }

    #[test]
    fn without_conditions_nothing_is_looked_at() {
        let nothing = Conditions {
            give_up_after: Some(Duration::ZERO),
            ..Conditions::default()
        };
        assert!(Eyes::of(nothing, Fake::new().machine()).is_none());
        let cool = Conditions {
            most_temperature: Some(60),
            ..Conditions::default()
        };
        assert!(Eyes::of(cool, Fake::new().machine()).is_some());
    }

    #[test]
    fn this_machine_can_be_described() {
        let said = Machine::default().describe();
        assert_eq!(said.split("; ").count(), 3, "{said}");
    }
}
