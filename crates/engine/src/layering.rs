//! How the layers of an address are made: what its options name is read once, and each call gets a stack of its own.
//!
//! Files in PEM (certificates, keys, authorities) are read here, and the system's list of authorities; what is wrong with
//! them is said before anybody calls. A key that others than its owner may read is told of.

mod error;
mod files;
mod impaired;
mod impairments;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use address::{Address, Host, Layer, Layers, OptionKey, Place, Port};
use conversation::{Call, End, Leg, Moment, Now, Shape};
use layers::{
    ClientCheck, Fingerprint, Identity, Impairments, MessageKind, Origins, ProxyHeader, ProxyReader,
    ProxyVersion, ProxyWriter, Stack, TLS_HANDSHAKE_WITHIN, TlsClient, TlsClientSettings, TlsServer,
    TlsServerSettings, TlsSettingError, TlsVersion, Trust, WEBSOCKET_HANDSHAKE_WITHIN, WebSocketClient,
    WebSocketClientSettings, WebSocketServer, WebSocketServerSettings,
};

use crate::access::{Access, Rule, Who};
use crate::taps::{Tapped, Taps};

pub use error::LayeringError;
use files::{read_pem, system_roots};
pub use impaired::Impaired;

/// The name that a certificate of our own making is for, where the address has none.
const NAMELESS: &str = "localhost";

/// When nothing has been called yet.
const BEFORE: Now = Now { moment: Moment::START, wall: SystemTime::UNIX_EPOCH };

/// The layers of one address, ready to be laid on the socket of each call.
#[derive(Debug)]
pub struct Layering {
    /// First the one next to the socket.
    makers: Vec<Maker>,
    layers: Layers,
    notes: Vec<String>,
    /// The proxies whose headers are believed; `None` for all who can connect.
    trusted: Option<Access>,
    /// Whether it is for callers, or for calls.
    is_called: bool,
    /// Its faults, if it is impaired.
    impaired: Option<Impaired>,
}

enum Maker {
    TlsServer(TlsServer),
    TlsClient { client: TlsClient, name: String },
    WebSocketServer(WebSocketServer),
    WebSocketClient(WebSocketClient),
    ProxyReader { within: Duration },
    ProxyWriter(ProxyVersion),
    Impair(Arc<Impairments>),
    Tap(Taps),
}

/// For which call layers are laid on a socket.
#[derive(Debug)]
pub(crate) struct LaidFor<'c> {
    /// Who called, and at which address of ours: what a PROXY header tells.
    pub(crate) caller: &'c End,
    pub(crate) called: &'c End,
    /// What tells it from others, also in chance.
    pub(crate) number: u64,
    /// On which of its legs.
    pub(crate) leg: Leg,
}

impl<'c> LaidFor<'c> {
    pub(crate) fn of(call: &'c Call, leg: Leg) -> LaidFor<'c> {
        LaidFor { caller: &call.peer, called: &call.local, number: call.number, leg }
    }
}

impl std::fmt::Debug for Maker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Maker::TlsServer(_) => "TlsServer",
            Maker::TlsClient { .. } => "TlsClient",
            Maker::WebSocketServer(_) => "WebSocketServer",
            Maker::WebSocketClient(_) => "WebSocketClient",
            Maker::ProxyReader { .. } => "ProxyReader",
            Maker::ProxyWriter(_) => "ProxyWriter",
            Maker::Impair(_) => "Impair",
            Maker::Tap(_) => "Tap",
        })
    }
}

impl Layering {
    /// For callers at this address; `None` if it has no layers.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or what it holds, or an option says, cannot be used.
    pub fn listening(address: &Address) -> Result<Option<Arc<Layering>>, LayeringError> {
        Layering::of(address, true, Layering::server)
    }

    /// For calls to this address; `None` if it has no layers.
    ///
    /// # Errors
    ///
    /// As [`Layering::listening`].
    pub fn calling(address: &Address) -> Result<Option<Arc<Layering>>, LayeringError> {
        Layering::of(address, false, Layering::client)
    }

    /// The shape of what is above the layers, where `below` is that of the socket.
    #[must_use]
    pub fn shape_over(&self, below: Shape) -> Shape {
        self.layers.shape().unwrap_or(below)
    }

    /// Whether a layer says who calls: nobody is let in before that.
    #[must_use]
    pub fn names_callers(&self) -> bool {
        self.makers.iter().any(|maker| matches!(maker, Maker::ProxyReader { .. }))
    }

    /// Whether this proxy's word is taken for who calls.
    pub(crate) fn trusts(&self, proxy: Who) -> bool {
        self.trusted.as_ref().is_none_or(|trusted| trusted.refuses(proxy).is_none())
    }

    /// What whoever runs it should know: the fingerprint of a certificate of our own making, a key that others may
    /// read.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Its faults, if it is impaired: to be looked at and changed.
    #[must_use]
    pub fn impaired(&self) -> Option<&Impaired> {
        self.impaired.as_ref()
    }

    /// The layers of one call on a socket of this shape; `ends` says which ends the socket has, ours first.
    pub(crate) fn stack(
        &self,
        socket: Shape,
        call: &LaidFor<'_>,
        ends: impl Fn() -> (End, End),
        now: Now,
    ) -> Result<Stack, String> {
        let mut layers: Vec<Box<dyn layers::Layer>> = Vec::with_capacity(self.makers.len());
        let mut below = socket;
        for (maker, layer) in self.makers.iter().zip(self.layers.iter()) {
            if below.keeps_boundaries() && !layer.is_transparent() {
                return Err(format!("{layer} lies on a byte stream, and here are {below}"));
            }
            layers.push(match maker {
                Maker::TlsServer(server) => server.layer().map_err(|error| error.to_string())?,
                Maker::TlsClient { client, name } => {
                    client.layer(name, now).map_err(|error| error.to_string())?
                }
                Maker::WebSocketServer(server) => server.layer(),
                Maker::WebSocketClient(client) => client.layer(),
                Maker::ProxyReader { within } => Box::new(ProxyReader::new(*within)),
                Maker::ProxyWriter(version) => {
                    let (source, destination) = (call.caller.clone(), call.called.clone());
                    Box::new(ProxyWriter::new(&ProxyHeader::Proxied { source, destination }, *version))
                }
                Maker::Impair(all) => Box::new(all.layer(below, call.number, call.leg.index())),
                Maker::Tap(taps) => {
                    let (local, peer) = ends();
                    let leg = Tapped { call: call.number, local, peer, is_called: self.is_called };
                    Box::new(taps.tap(below, &leg))
                }
            });
            below = layer.shape().unwrap_or(below);
        }
        Ok(Stack::over(socket, layers))
    }

    fn of(
        address: &Address,
        is_called: bool,
        maker: fn(&mut Layering, Layer, &Address) -> Result<Maker, LayeringError>,
    ) -> Result<Option<Arc<Layering>>, LayeringError> {
        if address.layers.is_empty() {
            return Ok(None);
        }
        let mut layering = Layering {
            makers: Vec::new(),
            layers: address.layers,
            notes: Vec::new(),
            trusted: None,
            is_called,
            impaired: None,
        };
        for layer in address.layers.iter() {
            let made = maker(&mut layering, layer, address).map_err(|error| error.at(address))?;
            layering.makers.push(made);
        }
        Ok(Some(Arc::new(layering)))
    }

    fn server(&mut self, layer: Layer, address: &Address) -> Result<Maker, LayeringError> {
        let options = &address.options;
        let within = options.duration(OptionKey::HandshakeTimeout);
        Ok(match layer {
            Layer::Tls => {
                let identity = match self.own_identity(address)? {
                    Some(identity) => identity,
                    None => self.self_signed(address)?,
                };
                let clients = options.text(OptionKey::ClientCa);
                let clients = clients.map(|path| read_pem("client-ca", path)).transpose()?;
                let settings = TlsServerSettings {
                    clients: clients.map_or(ClientCheck::None, ClientCheck::Required),
                    protocols: protocols(address, OptionKey::Alpn),
                    versions: tls_versions(address),
                    within: within.unwrap_or(TLS_HANDSHAKE_WITHIN),
                    ..TlsServerSettings::new(identity)
                };
                Maker::TlsServer(TlsServer::new(settings)?)
            }
            Layer::WebSocket => {
                let settings = WebSocketServerSettings {
                    path: options.text(OptionKey::Path).map(str::to_owned),
                    origins: origins(address),
                    protocols: protocols(address, OptionKey::Subprotocol),
                    kind: message_kind(address),
                    message_bytes_max: message_bytes_max(address)
                        .unwrap_or(WebSocketServerSettings::default().message_bytes_max),
                    within: within.unwrap_or(WEBSOCKET_HANDSHAKE_WITHIN),
                };
                Maker::WebSocketServer(WebSocketServer::new(settings)?)
            }
            Layer::Proxy => {
                self.trusted = trusted_proxies(address)?;
                Maker::ProxyReader { within: within.unwrap_or(TLS_HANDSHAKE_WITHIN) }
            }
            Layer::Impair => self.impair(address)?,
            Layer::Tap => Maker::Tap(Taps::of(address)?),
        })
    }

    fn client(&mut self, layer: Layer, address: &Address) -> Result<Maker, LayeringError> {
        let options = &address.options;
        let within = options.duration(OptionKey::HandshakeTimeout);
        Ok(match layer {
            Layer::Tls => {
                let trust = match (options.pin(), options.text(OptionKey::Ca)) {
                    (Some(pin), _) => Trust::Pin(Fingerprint::from(*pin)),
                    (None, Some(path)) => Trust::Ca(read_pem("ca", path)?),
                    (None, None) => Trust::Roots(system_roots()?),
                };
                let given = options.text(OptionKey::ServerName).map(str::to_owned);
                let name = given.unwrap_or_else(|| host_of(address));
                let settings = TlsClientSettings {
                    identity: self.own_identity(address)?,
                    protocols: protocols(address, OptionKey::Alpn),
                    versions: tls_versions(address),
                    within: within.unwrap_or(TLS_HANDSHAKE_WITHIN),
                    ..TlsClientSettings::new(trust)
                };
                let client = TlsClient::new(settings)?;
                client.layer(&name, BEFORE)?; // whether it is a name is found out here
                Maker::TlsClient { client, name }
            }
            Layer::WebSocket => {
                let path = options.text(OptionKey::Path).unwrap_or("/");
                let plain = WebSocketClientSettings::new(&host_and_port(address), path);
                let settings = WebSocketClientSettings {
                    headers: options
                        .headers()
                        .map(|(name, value)| (name.to_owned(), value.to_owned()))
                        .collect(),
                    protocols: protocols(address, OptionKey::Subprotocol),
                    kind: message_kind(address),
                    message_bytes_max: message_bytes_max(address).unwrap_or(plain.message_bytes_max),
                    within: within.unwrap_or(WEBSOCKET_HANDSHAKE_WITHIN),
                    ..plain
                };
                Maker::WebSocketClient(WebSocketClient::new(settings)?)
            }
            Layer::Proxy => Maker::ProxyWriter(match options.word(OptionKey::Proxy) {
                Some("v1") => ProxyVersion::V1,
                _ => ProxyVersion::V2,
            }),
            Layer::Impair => self.impair(address)?,
            Layer::Tap => Maker::Tap(Taps::of(address)?),
        })
    }

    fn impair(&mut self, address: &Address) -> Result<Maker, LayeringError> {
        let all = Impairments::new(impairments::settings(address)?);
        let shape = impairments::shape_below(address);
        self.impaired = Some(Impaired::new(address.to_string(), Arc::clone(&all), shape));
        Ok(Maker::Impair(all))
    }

    /// The certificate and key that the options name. Where only one of the two does, its file has both.
    fn own_identity(&mut self, address: &Address) -> Result<Option<Identity>, LayeringError> {
        let options = &address.options;
        let (cert, key) = (options.text(OptionKey::Cert), options.text(OptionKey::Key));
        let Some((cert_path, key_path)) = cert.or(key).zip(key.or(cert)) else { return Ok(None) };
        self.notes.extend(files::open_to_others(key_path));
        let chain = read_pem(if cert.is_some() { "cert" } else { "key" }, cert_path)?;
        let private = read_pem(if key.is_some() { "key" } else { "cert" }, key_path)?;
        Identity::from_pem(&chain, &private).map(Some).map_err(|error| {
            LayeringError::new(match (cert, key) {
                (Some(path), None) => {
                    format!("?cert={path}: {error}; a key in another file is named by key=")
                }
                (None, Some(path)) => {
                    format!("?key={path}: {error}; a certificate in another file is named by cert=")
                }
                _ if error == TlsSettingError::NoKey => format!("?key={key_path}: {error}"),
                _ => format!("?cert={cert_path}: {error}"),
            })
        })
    }

    fn self_signed(&mut self, address: &Address) -> Result<Identity, LayeringError> {
        let host = host_of(address);
        let names: Vec<&str> = if host == NAMELESS { vec![NAMELESS] } else { vec![&host, NAMELESS] };
        let identity = Identity::self_signed(&names)?;
        if let Some(fingerprint) = identity.fingerprint() {
            let note = format!(
                "a certificate was made for this run (no ?cert=): callers trust it by ?pin={fingerprint}"
            );
            self.notes.push(note);
        }
        Ok(identity)
    }
}

/// Addresses whose layers are kept; a service that calls more of them has theirs made anew.
const KEPT_MAX: usize = 64;

/// The layers of addresses that are called again and again, made once each. At most 64 are kept.
#[derive(Debug, Default)]
pub struct Layerings(Mutex<HashMap<Address, Arc<OnceLock<Made>>>>);

type Made = Result<Option<Arc<Layering>>, LayeringError>;

impl Layerings {
    /// As [`Layering::calling`], the first time. It may block.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn calling(&self, address: &Address) -> Result<Option<Arc<Layering>>, LayeringError> {
        if address.layers.is_empty() {
            return Ok(None);
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT_MAX && !all.contains_key(address) {
            all.clear();
        }
        let made = Arc::clone(all.entry(address.clone()).or_default());
        drop(all); // who wants another does not wait for this one
        made.get_or_init(|| Layering::calling(address)).clone()
    }

    /// The same, if it is made already or there are no layers: it does not block.
    pub(crate) fn made(&self, address: &Address) -> Option<Made> {
        if address.layers.is_empty() {
            return Some(Ok(None));
        }
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(address)?.get().cloned()
    }
}

fn protocols(address: &Address, key: OptionKey) -> Vec<String> {
    address.options.texts(key).map(str::to_owned).collect()
}

/// Who may say who calls: rules as `--allow` has them.
fn trusted_proxies(address: &Address) -> Result<Option<Access>, LayeringError> {
    let wrong = |why: String| LayeringError::new(format!("option trust: {why}"));
    let rules = address.options.texts(OptionKey::Trust).map(str::parse::<Rule>);
    let rules = rules.collect::<Result<Vec<Rule>, _>>().map_err(|error| wrong(error.to_string()))?;
    if rules.is_empty() {
        return Ok(None);
    }
    Access::read(rules, Vec::new()).map(Some).map_err(|error| wrong(error.to_string()))
}

fn tls_versions(address: &Address) -> std::ops::RangeInclusive<TlsVersion> {
    let named = |key| match address.options.word(key) {
        Some("1.2") => Some(TlsVersion::V1_2),
        Some(_) => Some(TlsVersion::V1_3),
        None => None,
    };
    let (oldest, newest) = (named(OptionKey::TlsMin), named(OptionKey::TlsMax));
    oldest.unwrap_or(*TlsVersion::ALL.start())..=newest.unwrap_or(*TlsVersion::ALL.end())
}

fn message_kind(address: &Address) -> MessageKind {
    match address.options.word(OptionKey::WsFrames) {
        Some("text") => MessageKind::Text,
        _ => MessageKind::Binary,
    }
}

fn message_bytes_max(address: &Address) -> Option<usize> {
    address.options.size(OptionKey::MessageMax).map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
}

fn origins(address: &Address) -> Origins {
    let listed = protocols(address, OptionKey::Origin);
    match listed.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["same"] => Origins::Same,
        _ if listed.iter().any(|origin| origin == "any") => Origins::Any,
        _ => Origins::Listed(listed),
    }
}

/// The name by which the other end is verified.
fn host_of(address: &Address) -> String {
    match &address.place {
        Place::Network { host: Host::Name(name), .. } => name.to_string(),
        Place::Network { host: Host::V4(ip), .. } => ip.to_string(),
        Place::Network { host: Host::V6 { address, .. }, .. } => address.to_string(),
        Place::Network { host: Host::Any, .. }
        | Place::Path(_)
        | Place::Abstract(_)
        | Place::Standard
        | Place::Descriptor(_)
        | Place::Command(_)
        | Place::Nameless => NAMELESS.to_owned(),
    }
}

/// The `Host` of an opening in HTTP.
fn host_and_port(address: &Address) -> String {
    let host = host_of(address);
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    match &address.place {
        Place::Network { port: Port::Number(port), .. } => format!("{host}:{port}"),
        Place::Network { port: Port::Service(_), .. }
        | Place::Path(_)
        | Place::Abstract(_)
        | Place::Standard
        | Place::Descriptor(_)
        | Place::Command(_)
        | Place::Nameless => host,
    }
}
