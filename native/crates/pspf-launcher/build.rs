//! Puts the digest of the source into the launcher, and leaves the tables of an unwinder that we do not link out of static
//! Linux launchers.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=no_unwinding.ld");
    println!("cargo::rerun-if-env-changed=FLAVOR_SOURCE_DIGEST");
    let source = std::env::var("FLAVOR_SOURCE_DIGEST").unwrap_or_default();
    let is_digest = source.len() == 64 && source.bytes().all(|byte| byte.is_ascii_hexdigit());
    let source = if is_digest {
        source.to_ascii_lowercase()
    } else {
        "unknown".to_owned()
    };
    println!("cargo::rustc-env=FLAVOR_LAUNCHER_SOURCE={source}");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    // Cargo does not tell build scripts whether panics abort; the release profile is where they do.
    if is("CARGO_CFG_TARGET_ENV", "musl") && is("PROFILE", "release") {
        let directory = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{directory}/no_unwinding.ld");
    }
}
