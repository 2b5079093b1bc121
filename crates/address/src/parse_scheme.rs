//! The first word of an address: `[LAYER+...]TRANSPORT`, or layers alone, which lie on tcp.
//!
//! Text has the outermost layer first; it is read from its end, as a stack is built. A word that could as well be a
//! host is none of ours. Protected: what is read here, `Scheme` writes so that it is read again as the same.

use crate::error::{Problem, layer_words, layered_words, scheme_words};
use crate::layer::{LAYERS, Layer, LayerError, SHORT};
use crate::nearest::nearest;
use crate::parse::Fault;
use crate::scheme::{SCHEMES, Scheme, Transport};

/// Reads a word; nothing if neither its first part is a layer nor its last one a layer or a transport.
pub(crate) fn parse(word: &str) -> Result<Option<Scheme>, Fault> {
    let (first, last) = (word.split('+').next(), word.rsplit('+').next());
    let begins = first.is_some_and(|part| layers(part).is_some());
    if !begins && !last.is_some_and(|part| layers(part).is_some() || transport(part).is_some()) {
        return Ok(None);
    }
    let mut scheme = None;
    let mut end = word.len();
    for part in word.rsplit('+') {
        let start = end - part.len();
        scheme = Some(extend(scheme, part).map_err(|fault| fault.moved(start))?);
        end = start.saturating_sub(1);
    }
    Ok(scheme)
}

/// What may be meant by a word that is no scheme.
pub(crate) fn nearest_to(word: &str) -> String {
    match nearest(word, SCHEMES.iter().map(|row| row.name).chain(layer_names())) {
        Some(name) => format!("did you mean {name}?"),
        None => format!("{}; or a layer: {}", scheme_words(), layer_words()),
    }
}

/// A scheme with what the part in front of it says; the last part is in front of nothing.
fn extend(scheme: Option<Scheme>, part: &str) -> Result<Scheme, Fault> {
    let whole = 0..part.len();
    if part.is_empty() {
        return Err(Fault::new(whole, Problem::NoSchemePart, "such as ws+tls+tcp"));
    }
    if scheme.is_none()
        && let Some(transport) = transport(part)
    {
        return Ok(transport.into());
    }
    let Some(layers) = layers(part) else {
        return Err(match scheme {
            None => Fault::new(whole, Problem::Scheme, nearest_to(part)),
            Some(_) => Fault::new(whole, Problem::Layer, right_layer(part)),
        });
    };
    let mut scheme = scheme.unwrap_or(Transport::Tcp.into());
    for layer in layers.iter().rev() {
        scheme = put(*layer, scheme).map_err(|(problem, hint)| Fault::new(whole.clone(), problem, hint))?;
    }
    Ok(scheme)
}

/// A scheme with one layer more, on the top; or why not, and what is right.
fn put(layer: Layer, scheme: Scheme) -> Result<Scheme, (Problem, String)> {
    let transport = scheme.transport;
    if !transport.carries(layer) {
        return Err((Problem::NotOver(layer, transport), format!("over {}", layered_words(layer, "or"))));
    }
    match scheme.layers.with(layer) {
        Ok(layers) => Ok(Scheme { layers, transport }),
        Err(error @ LayerError::Twice(_)) => Err((Problem::Layers(error), format!("{layer} is given once"))),
        Err(error @ LayerError::OnMessages { below, .. }) => {
            Err((Problem::Layers(error), format!("{below} is the outermost, which is written first")))
        }
    }
}

/// What is right in front of a transport, where this is none of it.
fn right_layer(part: &str) -> String {
    if transport(part).is_some() {
        return "the transport is one, and written last".to_owned();
    }
    match nearest(part, layer_names()) {
        Some(name) => format!("did you mean {name}?"),
        None => layer_words(),
    }
}

fn transport(part: &str) -> Option<Transport> {
    SCHEMES.iter().find(|row| row.name == part).map(|row| row.transport)
}

/// The layers that a part stands for, outermost first.
fn layers(part: &str) -> Option<&'static [Layer]> {
    if part == SHORT.0 {
        return Some(SHORT.1);
    }
    LAYERS.iter().position(|row| row.name == part).map(|at| &Layer::ALL[at..=at])
}

fn layer_names() -> impl Iterator<Item = &'static str> {
    LAYERS.iter().map(|row| row.name).chain([SHORT.0])
}
