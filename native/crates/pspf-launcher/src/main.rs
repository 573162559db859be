//! The launcher: the first bytes of every package.

fn main() -> std::process::ExitCode {
    pspf_launcher::run()
}
