//! Layers and the table of their names.
//!
//! What lies between a transport and what is said on it: TLS (RFC 8446), WebSocket (RFC 6455), the header of the
//! PROXY protocol; and what is done to bytes or messages on their way, of which the other end knows nothing: a
//! transparent layer, which lies on messages too. A layer is a row of data, as a scheme is. Protected: [`Layers`] holds
//! each layer once at most, and only transparent ones lie on one that carries messages; row `n` is the row of
//! `Layer::ALL[n]` (a test).

use std::fmt;

use crate::scheme::{Shape, Transport};

use Layer::{Impair, Proxy, Tap, Tls, WebSocket};

/// What turns the bytes of a transport into others. Its [`Display`](fmt::Display) is its name: `tls`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Layer {
    /// TLS 1.2 or 1.3.
    Tls,
    /// WebSocket: messages in order.
    WebSocket,
    /// The header of the PROXY protocol, in front of everything else.
    Proxy,
    /// Faults of a network: what passes is late, lost, doubled.
    Impair,
    /// A look at what passes.
    Tap,
}

impl Layer {
    /// Every layer, in the order of [`LAYERS`].
    pub const ALL: &[Layer] = &[Tls, WebSocket, Proxy, Impair, Tap];

    /// The row of [`LAYERS`] that describes this layer.
    pub fn row(self) -> &'static LayerRow {
        &LAYERS[self as usize]
    }

    /// The word that names this layer in an address: `tls`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The shape of what it carries; `None`: that of what it lies on.
    pub fn shape(self) -> Option<Shape> {
        self.row().shape
    }

    /// Whether the other end knows nothing of it. Such a layer lies on anything, and an option of it is enough to ask
    /// for it.
    pub fn is_transparent(self) -> bool {
        self.shape().is_none()
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// One layer: everything that is known of it before anything is opened.
#[derive(Clone, Copy, Debug)]
pub struct LayerRow {
    /// The layer that the row describes.
    pub layer: Layer,
    /// Its word in front of the transport: `tls`.
    pub name: &'static str,
    /// The shape of what it carries; `None`: that of what it lies on, be it bytes or messages.
    pub shape: Option<Shape>,
    /// Where it is laid down: `RFC 8446`.
    pub spec: &'static str,
    /// One line of help.
    pub help: &'static str,
}

impl LayerRow {
    /// What it carries, in words.
    pub fn carries(&self) -> String {
        self.shape.map_or_else(|| "what it lies on".to_owned(), |shape| shape.to_string())
    }

    /// The names of the transports on which it can lie.
    pub fn lies_on(&self) -> impl Iterator<Item = &'static str> {
        Transport::ALL
            .iter()
            .filter(|transport| transport.carries(self.layer))
            .map(|transport| transport.name())
    }
}

/// Every layer, in the order of [`Layer::ALL`].
#[rustfmt::skip]
pub const LAYERS: &[LayerRow] = &[
    LayerRow { layer: Tls, name: "tls", shape: Some(Shape::Stream), spec: "RFC 8446",
        help: "encrypted, and the server proves who it is" },
    LayerRow { layer: WebSocket, name: "ws", shape: Some(Shape::SeqPacket), spec: "RFC 6455",
        help: "messages in order, behind an opening in HTTP, as browsers have them" },
    LayerRow { layer: Proxy, name: "proxy", shape: Some(Shape::Stream), spec: "proxy-protocol.txt",
        help: "who really calls, said by a relay in front of everything else" },
    LayerRow { layer: Impair, name: "impair", shape: None, spec: "tc-netem(8)",
        help: "faults of a network, on purpose: what passes is late, lost, doubled" },
    LayerRow { layer: Tap, name: "tap", shape: None, spec: "pcapng",
        help: "what passes is written down, and goes on unchanged" },
];

/// A word for several layers: what it stands for, outermost first.
pub(crate) const SHORT: (&str, &[Layer]) = ("wss", &[WebSocket, Tls]);

/// The layers of an address in the order of a stack: first the one that is next to the socket.
///
/// Each is there once at most, so there are as many as [`Layer::ALL`] at most.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Layers([Option<Layer>; Layer::ALL.len()]);

impl Layers {
    /// No layer.
    pub const NONE: Layers = Layers([None; Layer::ALL.len()]);

    /// These layers with one more, which lies on all others.
    ///
    /// # Errors
    /// If it is there already, or would lie on one that carries messages and has to lie on bytes.
    pub fn with(mut self, layer: Layer) -> Result<Layers, LayerError> {
        if self.contains(layer) {
            return Err(LayerError::Twice(layer));
        }
        if let Some(below) = self.carries_messages()
            && !layer.is_transparent()
        {
            return Err(LayerError::OnMessages { layer, below });
        }
        // There is room for each layer once, and this one is not there.
        if let Some(free) = self.0.iter_mut().find(|place| place.is_none()) {
            *free = Some(layer);
        }
        Ok(self)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self == Layers::NONE
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.iter().count()
    }

    /// Whether this one is there.
    pub fn contains(self, layer: Layer) -> bool {
        self.iter().any(|other| other == layer)
    }

    /// Each, the one next to the socket first.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Layer> {
        self.0.into_iter().flatten()
    }

    /// The outermost: the one next to what is said.
    pub fn top(self) -> Option<Layer> {
        self.iter().next_back()
    }

    /// The shape of what is on the top of them, if it is not that of what they lie on.
    pub fn shape(self) -> Option<Shape> {
        self.iter().rev().find_map(Layer::shape)
    }

    /// Those that the other end has to speak too.
    pub fn spoken(self) -> Layers {
        let mut spoken = self.iter().filter(|layer| !layer.is_transparent());
        Layers(std::array::from_fn(|_| spoken.next()))
    }

    /// These layers but this one.
    pub(crate) fn without(self, layer: Layer) -> Layers {
        let mut others = self.iter().filter(|other| *other != layer);
        Layers(std::array::from_fn(|_| others.next()))
    }

    /// These layers with a transparent one more, where it lies if nothing else is said; unchanged if it is there already.
    pub(crate) fn implying(self, layer: Layer) -> Layers {
        match layer {
            Tap => self.with(layer).unwrap_or(self),
            Tls | WebSocket | Proxy | Impair => self.over(layer),
        }
    }

    /// These layers with one more, next to the socket; unchanged if it is there already.
    fn over(self, layer: Layer) -> Layers {
        if self.contains(layer) {
            return self;
        }
        let mut all = std::iter::once(layer).chain(self.iter());
        Layers(std::array::from_fn(|_| all.next()))
    }

    /// The layer that turns bytes into messages, if one does.
    fn carries_messages(self) -> Option<Layer> {
        let first = self.iter().rev().find(|layer| !layer.is_transparent())?;
        first.shape().is_some_and(Shape::keeps_boundaries).then_some(first)
    }

    /// These layers with one more, wherever it can lie; `None` if it is there already.
    pub(crate) fn having(self, layer: Layer) -> Option<Layers> {
        let below_the_top = || {
            let top = self.top()?;
            let below = self.iter().filter(|other| *other != top);
            below.chain([layer, top]).try_fold(Layers::NONE, |layers, layer| layers.with(layer).ok())
        };
        self.with(layer).ok().or_else(below_the_top)
    }
}

/// Why layers cannot lie on each other so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LayerError {
    /// It is there already.
    Twice(Layer),
    /// It would lie on one that carries messages.
    OnMessages {
        /// The layer.
        layer: Layer,
        /// On which it would lie.
        below: Layer,
    },
}

impl fmt::Display for LayerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LayerError::Twice(layer) => write!(formatter, "{layer} is given twice"),
            LayerError::OnMessages { layer, below } => {
                write!(
                    formatter,
                    "{layer} over {below} is not there: {layer} lies on a byte stream, and {below} carries messages"
                )
            }
        }
    }
}

impl std::error::Error for LayerError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_finds_its_own_row() {
        assert_eq!(LAYERS.len(), Layer::ALL.len());
        for (row, layer) in LAYERS.iter().zip(Layer::ALL) {
            assert_eq!((row.layer, layer.row().layer), (*layer, *layer));
        }
    }

    #[test]
    fn a_layer_is_put_where_it_can_lie() {
        let layers = |stack: &[Layer]| {
            stack.iter().try_fold(Layers::NONE, |layers, layer| layers.with(*layer)).unwrap()
        };
        assert_eq!(layers(&[Proxy]).having(Tls), Some(layers(&[Proxy, Tls])));
        assert_eq!(layers(&[Proxy, WebSocket]).having(Tls), Some(layers(&[Proxy, Tls, WebSocket])));
        assert_eq!(layers(&[Tls, WebSocket]).having(Tls), None);
    }
}
