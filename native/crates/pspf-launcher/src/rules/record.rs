//! The launch record: what a warm start needs, decided once when the workenv was filled.
//!
//! Its presence says that the workenv is complete, so a record that cannot be read counts as none
//! at all.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::environment_rules::EnvironmentRules;
use super::template::Template;
use crate::platform::Identity;

const MAGIC: &[u8; 8] = b"PSPFRUN\x02";
const DIGEST: usize = 32;
/// How many files with the same content are remembered.
const MAX_IDENTITIES: usize = 8;

/// A check of the filled workenv at each start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CacheCheck<'a> {
    /// A file that has to exist.
    pub(crate) file: Template<'a>,
    /// What it has to contain; anything, where this is empty.
    pub(crate) content: Cow<'a, str>,
}

/// What became of the slots for developers when the workenv was filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DevSlots {
    /// The package has none.
    None,
    /// Nobody asked for them.
    Left,
    /// They are there.
    Extracted,
}

/// How long a record counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// As long as it is there: everything it speaks of is on the disk.
    Durable,
    /// Until the machine is started again: what it speaks of may not be on the disk yet. Where the record is another file
    /// than the one that was written then, somebody has copied the cache, and read all of it.
    Until {
        /// Tells this start of the machine from another.
        boot: [u8; 16],
        /// The file that the record was written to.
        file: u128,
    },
}

/// What a warm start needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LaunchRecord<'a> {
    /// SHA-256 of the 8192 index bytes of the package that filled the workenv; the key is among them.
    pub(crate) index_digest: [u8; DIGEST],
    /// How strictly it was judged, as the rank of the validation level; higher is stricter.
    pub(crate) level: u8,
    /// How long this record counts.
    pub(crate) durability: Durability,
    /// Files that were found to be this package, byte for byte, the last one first.
    pub(crate) identities: Vec<Identity>,
    /// What became of the slots for developers.
    pub(crate) dev: DevSlots,
    /// Whether some slots are extracted anew at each start.
    pub(crate) per_start: bool,
    /// Umask for the program; the inherited one where it is absent.
    pub(crate) umask: Option<u16>,
    /// Program and arguments. The first is both the program and its `argv[0]`; the user's arguments
    /// come behind.
    pub(crate) argv: Vec<Template<'a>>,
    /// Working directory; the caller's where it is absent.
    pub(crate) cwd: Option<Template<'a>>,
    /// The check of `cache_validation`.
    pub(crate) cache_check: Option<CacheCheck<'a>>,
    /// What becomes of the environment.
    pub(crate) environment: EnvironmentRules<'a>,
}

impl<'a> LaunchRecord<'a> {
    /// Whether a file was found to be this package.
    pub(crate) fn knows(&self, identity: &Identity) -> bool {
        self.identities.contains(identity)
    }

    /// Remembers a file that was found to be this package; the one that was seen longest ago is forgotten.
    pub(crate) fn remember(&mut self, identity: Identity) {
        self.identities.retain(|known| *known != identity);
        self.identities.insert(0, identity);
        self.identities.truncate(MAX_IDENTITIES);
    }

    /// Writes the record: magic, fields, and the SHA-256 of both.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Encoder(MAGIC.to_vec());
        out.bytes(&self.index_digest);
        out.number(usize::from(self.level));
        out.number(usize::from(self.durability != Durability::Durable));
        if let Durability::Until { boot, file } = self.durability {
            out.bytes(&boot);
            out.bytes(&file.to_le_bytes());
        }
        out.list(&self.identities, |out, identity| {
            out.bytes(&identity.device.to_le_bytes());
            out.bytes(&identity.file.to_le_bytes());
            out.bytes(&identity.size.to_le_bytes());
            out.bytes(&identity.modified.to_le_bytes());
            out.bytes(&identity.changed.to_le_bytes());
        });
        out.number(match self.dev {
            DevSlots::None => 0,
            DevSlots::Left => 1,
            DevSlots::Extracted => 2,
        });
        out.number(usize::from(self.per_start));
        out.list(self.umask.as_slice(), |out, umask| {
            out.number(usize::from(*umask));
        });
        out.templates(&self.argv);
        out.templates(self.cwd.as_slice());
        out.list(self.cache_check.as_slice(), |out, check| {
            out.text(check.file.as_marked());
            out.text(&check.content);
        });
        let environment = &self.environment;
        out.list(&environment.pass, |out, pattern| out.text(pattern));
        out.list(&environment.unset, |out, pattern| out.text(pattern));
        out.list(&environment.map, |out, (old, new)| {
            out.text(old);
            out.text(new);
        });
        out.list(&environment.set, |out, (name, value)| {
            out.text(name);
            out.text(value.as_marked());
        });
        out.templates(&environment.path_prefix);
        let digest = Sha256::digest(&out.0);
        out.0.extend_from_slice(&digest);
        out.0
    }

    /// Reads a record. `None` where a single bit is not as it was written.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (body, digest) = bytes.split_last_chunk::<DIGEST>()?;
        if Sha256::digest(body)[..] != *digest {
            return None;
        }
        let mut fields = Decoder(body.strip_prefix(MAGIC)?);
        let record = Self {
            index_digest: fields.bytes()?,
            level: u8::try_from(fields.number()?).ok()?,
            durability: if fields.flag()? {
                Durability::Until {
                    boot: fields.bytes()?,
                    file: u128::from_le_bytes(fields.bytes()?),
                }
            } else {
                Durability::Durable
            },
            identities: fields.list(|fields| {
                Some(Identity {
                    device: u64::from_le_bytes(fields.bytes()?),
                    file: u128::from_le_bytes(fields.bytes()?),
                    size: u64::from_le_bytes(fields.bytes()?),
                    modified: i128::from_le_bytes(fields.bytes()?),
                    changed: i128::from_le_bytes(fields.bytes()?),
                })
            })?,
            dev: match fields.number()? {
                0 => DevSlots::None,
                1 => DevSlots::Left,
                2 => DevSlots::Extracted,
                _ => return None,
            },
            per_start: fields.flag()?,
            umask: if fields.flag()? {
                Some(u16::try_from(fields.number()?).ok()?)
            } else {
                None
            },
            argv: fields.list(Decoder::template)?,
            cwd: if fields.flag()? {
                Some(fields.template()?)
            } else {
                None
            },
            cache_check: if fields.flag()? {
                Some(CacheCheck {
                    file: fields.template()?,
                    content: fields.text()?,
                })
            } else {
                None
            },
            environment: EnvironmentRules {
                pass: fields.list(Decoder::text)?,
                unset: fields.list(Decoder::text)?,
                map: fields.list(|fields| Some((fields.text()?, fields.text()?)))?,
                set: fields.list(|fields| Some((fields.text()?, fields.template()?)))?,
                path_prefix: fields.list(Decoder::template)?,
            },
        };
        fields.0.is_empty().then_some(record)
    }
}

struct Encoder(Vec<u8>);

impl Encoder {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn number(&mut self, number: usize) {
        // Everything counted here comes from a document of at most 16 MiB.
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn templates(&mut self, templates: &[Template<'_>]) {
        self.list(templates, |out, template| out.text(template.as_marked()));
    }

    fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.number(items.len());
        for item in items {
            write(self, item);
        }
    }
}

struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn number(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.bytes()?)).ok()
    }

    fn flag(&mut self) -> Option<bool> {
        match self.number()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<Cow<'a, str>> {
        let length = self.number()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(Cow::Borrowed)
    }

    fn template(&mut self) -> Option<Template<'a>> {
        self.text().map(Template::from_marked)
    }

    /// The count is not trusted with an allocation: every item takes bytes, and they run out.
    fn list<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(read(self)?);
        }
        Some(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> LaunchRecord<'static> {
        LaunchRecord {
            index_digest: [1; 32],
            level: 4,
            durability: Durability::Until {
                boot: [2; 16],
                file: 3,
            },
            identities: vec![identity(7), identity(8)],
            dev: DevSlots::Left,
            per_start: true,
            umask: Some(0o077),
            argv: vec![
                Template::from_marked("\0/bin/app"),
                Template::from_marked("ü x"),
            ],
            cwd: Some(Template::from_marked("\0")),
            cache_check: Some(CacheCheck {
                file: Template::from_marked("\0/v"),
                content: "1\n".into(),
            }),
            environment: EnvironmentRules {
                pass: vec!["HOME".into()],
                unset: vec!["*".into(), "A?".into()],
                map: vec![("A".into(), "B".into())],
                set: vec![("C".into(), Template::from_marked("\0"))],
                path_prefix: vec![Template::from_marked("\0/bin")],
            },
        }
    }

    fn identity(number: u64) -> Identity {
        Identity {
            device: 1,
            file: number.into(),
            size: 3,
            modified: -4,
            changed: i128::MAX,
        }
    }

    #[test]
    fn remember_puts_the_newest_first_and_forgets_the_oldest() {
        let mut record = record();
        record.remember(identity(8));
        assert_eq!(record.identities, [identity(8), identity(7)]);
        for number in 10..20 {
            record.remember(identity(number));
        }
        assert_eq!(record.identities.len(), MAX_IDENTITIES);
        assert!(record.knows(&identity(19)) && record.knows(&identity(12)));
        assert!(!record.knows(&identity(11)) && !record.knows(&identity(8)));
    }

    fn seal(mut body: Vec<u8>) -> Vec<u8> {
        let digest = Sha256::digest(&body);
        body.extend_from_slice(&digest);
        body
    }

    #[test]
    fn parse_reads_what_encode_wrote() {
        let full = record();
        assert_eq!(LaunchRecord::parse(&full.encode()).unwrap(), full);
        let empty = LaunchRecord {
            level: 0,
            durability: Durability::Durable,
            identities: Vec::new(),
            dev: DevSlots::None,
            per_start: false,
            umask: None,
            argv: Vec::new(),
            cwd: None,
            cache_check: None,
            environment: EnvironmentRules::default(),
            ..full
        };
        assert_eq!(LaunchRecord::parse(&empty.encode()).unwrap(), empty);
    }

    #[test]
    fn parse_refuses_every_truncation_and_every_changed_byte() {
        let bytes = record().encode();
        for length in 0..bytes.len() {
            assert!(LaunchRecord::parse(&bytes[..length]).is_none(), "{length}");
            let mut changed = bytes.clone();
            changed[length] ^= 1;
            assert!(LaunchRecord::parse(&changed).is_none(), "{length}");
        }
    }

    #[test]
    fn parse_refuses_a_bad_body_under_a_good_digest() {
        let bytes = record().encode();
        let body = &bytes[..bytes.len() - DIGEST];
        for length in 0..body.len() {
            assert!(
                LaunchRecord::parse(&seal(body[..length].to_vec())).is_none(),
                "{length}"
            );
        }
        assert!(LaunchRecord::parse(&seal([body, b"x"].concat())).is_none());
        // Every number and length in turn becomes the largest there is, but for those that could be.
        let list = 8 + 32 + 4 + 4 + 32;
        let behind = list + 4 + 2 * 64;
        for at in (40..48)
            .chain(list - 3..list + 4)
            .chain(behind - 3..body.len() - 3)
        {
            let mut changed = body.to_vec();
            changed[at..at + 4].fill(0xFF);
            assert!(LaunchRecord::parse(&seal(changed)).is_none(), "{at}");
        }
    }
}
