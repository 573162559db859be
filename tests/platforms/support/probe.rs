//! A program that tells the tests what it was started with. The same for every platform.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{Write, stdin};
use std::path::PathBuf;
use std::process::{Command, Stdio, exit};
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
        "interrupt" => system::interrupt(&words),
        "await-interrupt" => system::await_interrupt(),
        other => panic!("there is no verb {other:?}"),
    }
}

#[cfg(windows)]
mod system {
    use std::ffi::OsString;
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio, exit};
    use std::thread::sleep;
    use std::time::Duration;

    type Handler = extern "system" fn(u32) -> i32;

    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn AllocConsole() -> i32;
        fn SetConsoleCtrlHandler(handler: Option<Handler>, add: i32) -> i32;
        fn GenerateConsoleCtrlEvent(event: u32, group: u32) -> i32;
    }

    /// Starts a program, presses Ctrl-C when it is ready, and says how it ended.
    pub fn interrupt(words: &[OsString]) {
        extern "system" fn live_on(_event: u32) -> i32 {
            1
        }
        // SAFETY: the handler touches nothing.
        unsafe {
            AllocConsole();
            SetConsoleCtrlHandler(Some(live_on), 1);
        }
        let mut command = Command::new(&words[0]);
        let mut child = command
            .args(&words[1..])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        // SAFETY: it goes to everything on this console.
        let sent = unsafe { GenerateConsoleCtrlEvent(0, 0) };
        println!("sent {sent}");
        lines.for_each(|line| println!("{}", line.unwrap()));
        println!("code {:?}", child.wait().unwrap().code());
    }

    pub fn await_interrupt() {
        extern "system" fn end(_event: u32) -> i32 {
            println!("interrupted");
            exit(42)
        }
        // SAFETY: the handler ends the process.
        unsafe { SetConsoleCtrlHandler(Some(end), 1) };
        println!("ready");
        sleep(Duration::from_secs(20));
        println!("not interrupted");
    }
}

#[cfg(unix)]
mod system {
    use std::ffi::OsString;
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio, exit};
    use std::thread::sleep;
    use std::time::Duration;

    const SIGINT: i32 = 2;

    unsafe extern "C" {
        fn kill(process: i32, signal: i32) -> i32;
        fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    }

    /// Starts a program, sends it what Ctrl-C sends when it is ready, and says how it ended.
    pub fn interrupt(words: &[OsString]) {
        let mut command = Command::new(&words[0]);
        let mut child = command
            .args(&words[1..])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        // SAFETY: the process is ours, and was not waited for.
        let sent = unsafe { kill(child.id().cast_signed(), SIGINT) } + 1;
        println!("sent {sent}");
        lines.for_each(|line| println!("{}", line.unwrap()));
        println!("code {:?}", child.wait().unwrap().code());
    }

    pub fn await_interrupt() {
        extern "C" fn end(_signal: i32) {
            println!("interrupted");
            exit(42)
        }
        // SAFETY: the test sends one signal, while this process sleeps.
        unsafe { signal(SIGINT, end) };
        println!("ready");
        sleep(Duration::from_secs(20));
        println!("not interrupted");
    }
}
