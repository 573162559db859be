//! A tar writer that writes whatever it is told, good or bad.

/// An archive under construction.
#[derive(Default)]
pub(crate) struct Tar(Vec<u8>);

impl Tar {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a regular file.
    pub(crate) fn file(self, name: &str, mode: u32, data: &[u8]) -> Self {
        self.entry(b'0', name.as_bytes(), b"", mode, data)
    }

    /// Adds a directory.
    pub(crate) fn directory(self, name: &str, mode: u32) -> Self {
        self.entry(b'5', name.as_bytes(), b"", mode, b"")
    }

    /// Adds a symbolic link.
    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(b'2', name.as_bytes(), target.as_bytes(), 0o777, b"")
    }

    /// Adds a hard link.
    pub(crate) fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(b'1', name.as_bytes(), target.as_bytes(), 0o644, b"")
    }

    /// Adds a PAX header for the next member.
    pub(crate) fn pax(self, records: &[(&str, &str)]) -> Self {
        let mut data = Vec::new();
        for (key, value) in records {
            let body = format!(" {key}={value}\n");
            let mut length = body.len() + 1;
            while length.to_string().len() + body.len() != length {
                length += 1;
            }
            data.extend(format!("{length}{body}").into_bytes());
        }
        self.entry(b'x', b"pax", b"", 0o644, &data)
    }

    /// Adds any member.
    pub(crate) fn entry(
        mut self,
        kind: u8,
        name: &[u8],
        link: &[u8],
        mode: u32,
        data: &[u8],
    ) -> Self {
        let mut header = [0_u8; 512];
        header[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
        header[157..157 + link.len().min(100)].copy_from_slice(&link[..link.len().min(100)]);
        header[100..108].copy_from_slice(format!("{mode:07o}\0").as_bytes());
        header[108..116].copy_from_slice(b"0000000\0");
        header[116..124].copy_from_slice(b"0000000\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", data.len()).as_bytes());
        header[136..148].copy_from_slice(b"00000000000\0");
        header[156] = kind;
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend_from_slice(&header);
        self.0.extend_from_slice(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// The archive with its closing zeros.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}
