//! A program that tells the tests what it was started with. The same for every platform.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write, stdin};
use std::path::PathBuf;
use std::process::{Command, Stdio, exit};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

fn main() {
    let mut words = env::args_os();
    let own_name = words.next().unwrap_or_default();
    let verb = words.next().unwrap_or_default();
    let words: Vec<OsString> = words.collect();
    let text = |at: usize| words[at].to_string_lossy().into_owned();
    match verb.to_string_lossy().as_ref() {
        "arguments" => words.iter().for_each(|word| println!("{word:?}")),
        "self" => {
            println!("{}", PathBuf::from(own_name).display());
            println!("{}", env::current_exe().unwrap().display());
        }
        "cwd" => println!("{}", env::current_dir().unwrap().display()),
        "environment" => {
            let wanted = |name: &str| words.is_empty() || words.iter().any(|word| word == name);
            for (name, value) in env::vars_os() {
                if wanted(&name.to_string_lossy()) {
                    println!("{}={}", name.to_string_lossy(), value.to_string_lossy());
                }
            }
        }
        "exit" => exit(text(0).parse::<u32>().unwrap().cast_signed()),
        "copy-input" => {
            std::io::copy(&mut stdin(), &mut std::io::stdout()).unwrap();
        }
        "read" => print!("{}", fs::read_to_string(&words[0]).unwrap()),
        "write" => fs::write(&words[0], text(1)).unwrap(),
        "append" => {
            let mut options = fs::OpenOptions::new();
            let mut file = options.append(true).create(true).open(&words[0]).unwrap();
            writeln!(file, "{}", text(1)).unwrap();
        }
        "sleep" => {
            println!("ready");
            sleep(Duration::from_millis(text(0).parse().unwrap()));
        }
        // Starts something that goes on when this program and its launcher are long gone.
        "leave-behind" => {
            let mut command = Command::new(env::current_exe().unwrap());
            command.arg("write-later").args(&words);
            let null = || Stdio::null();
            command.stdin(null()).stdout(null()).stderr(null());
            command.spawn().unwrap();
        }
        "write-later" => {
            sleep(Duration::from_secs(1));
            fs::write(&words[0], "late").unwrap();
        }
        // Starts a program, and says what its whole exit code is.
        "code-of" => {
            let status = Command::new(&words[0]).args(&words[1..]).status().unwrap();
            println!("code {:?}", status.code());
        }
        // Starts a program, presses Ctrl-C when it is ready, and notes in a file how it ended.
        "interrupt" => {
            system::live_on();
            let mut command = Command::new(&words[1]);
            command.args(&words[2..]).stdout(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            assert_eq!(lines.next().unwrap().unwrap(), "ready");
            system::press(&child);
            let mut said: Vec<String> = lines.map(|line| line.unwrap()).collect();
            said.push(format!("code {:?}", child.wait().unwrap().code()));
            fs::write(&words[0], said.join("\n")).unwrap();
        }
        "await-interrupt" => {
            system::note_interrupts();
            println!("ready");
            for _ in 0..1000 {
                if INTERRUPTED.load(Ordering::SeqCst) {
                    println!("interrupted");
                    exit(42);
                }
                sleep(Duration::from_millis(10));
            }
            println!("not interrupted");
        }
        other => panic!("there is no verb {other:?}"),
    }
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

#[cfg(windows)]
mod system {
    use super::{INTERRUPTED, Ordering};
    use std::process::Child;

    type Handler = extern "system" fn(u32) -> i32;

    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn SetConsoleCtrlHandler(handler: Option<Handler>, add: i32) -> i32;
        fn GenerateConsoleCtrlEvent(event: u32, group: u32) -> i32;
    }

    extern "system" fn note(_event: u32) -> i32 {
        INTERRUPTED.store(true, Ordering::SeqCst);
        1
    }

    pub fn live_on() {
        note_interrupts();
    }

    pub fn note_interrupts() {
        // SAFETY: the handler sets a flag.
        assert_ne!(unsafe { SetConsoleCtrlHandler(Some(note), 1) }, 0);
    }

    pub fn press(_child: &Child) {
        // SAFETY: it goes to everything on this console.
        assert_ne!(unsafe { GenerateConsoleCtrlEvent(0, 0) }, 0);
    }
}

#[cfg(unix)]
mod system {
    use super::{INTERRUPTED, Ordering};
    use std::process::Child;

    const SIGINT: i32 = 2;

    unsafe extern "C" {
        fn kill(process: i32, signal: i32) -> i32;
        fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    }

    extern "C" fn note(_signal: i32) {
        INTERRUPTED.store(true, Ordering::SeqCst);
    }

    pub fn live_on() {}

    pub fn note_interrupts() {
        // SAFETY: the handler sets a flag.
        unsafe { signal(SIGINT, note) };
    }

    pub fn press(child: &Child) {
        // SAFETY: the process is ours, and was not waited for.
        assert_eq!(unsafe { kill(child.id().cast_signed(), SIGINT) }, 0);
    }
}
