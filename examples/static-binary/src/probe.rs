//! Shows how it was started, byte for byte: the end-to-end tests rely on it.
//!
//! Without a known first word it prints its arguments in hex, one per line.

use std::env;
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

fn main() -> io::Result<ExitCode> {
    let args: Vec<Vec<u8>> = env::args_os().skip(1).map(OsStringExt::into_vec).collect();
    let mut out = io::stdout().lock();
    match args.first().map(Vec::as_slice) {
        Some(b"exit") => {
            let code = args.get(1).and_then(|code| String::from_utf8_lossy(code).parse().ok());
            return Ok(ExitCode::from(code.unwrap_or(255_u8)));
        }
        Some(b"stdin") => {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes)?;
            out.write_all(&bytes)?;
        }
        Some(b"cwd") => {
            out.write_all(env::current_dir()?.as_os_str().as_bytes())?;
        }
        Some(b"env") => {
            for (name, value) in env::vars_os() {
                out.write_all(name.as_bytes())?;
                out.write_all(b"=")?;
                out.write_all(value.as_bytes())?;
                out.write_all(b"\0")?;
            }
        }
        Some(b"wait") => {
            out.write_all(b"ready\n")?;
            out.flush()?;
            thread::sleep(Duration::from_secs(60));
        }
        _ => {
            for arg in &args {
                for byte in arg {
                    write!(out, "{byte:02x}")?;
                }
                out.write_all(b"\n")?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
