//! The event stream format, transcribed from the standard: slow and obvious.

/// What a stream means, whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// `(event, data, last event ID)`.
    pub(crate) frames: Vec<(String, String, String)>,
    pub(crate) comments: usize,
    pub(crate) retry: Option<u64>,
    pub(crate) last_event_id: String,
}

pub(crate) fn decode(stream: &[u8]) -> Meaning {
    let stream = stream.strip_prefix(b"\xef\xbb\xbf").unwrap_or(stream);
    let text = String::from_utf8_lossy(stream).replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = text.split('\n').collect();
    // What follows the last line end is not a line.
    lines.pop();

    let mut meaning = Meaning::default();
    let (mut data, mut event, mut id) = (String::new(), String::new(), String::new());
    for line in lines {
        if line.is_empty() {
            meaning.last_event_id = id.clone();
            let event = std::mem::take(&mut event);
            if let Some(data) = std::mem::take(&mut data).strip_suffix('\n') {
                let event = if event.is_empty() { "message".to_owned() } else { event };
                meaning.frames.push((event, data.to_owned(), id.clone()));
            }
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "" => meaning.comments += 1,
            "event" => event = value.to_owned(),
            "data" => data = data + value + "\n",
            "id" if !value.contains('\0') => id = value.to_owned(),
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                meaning.retry = Some(value.parse().unwrap_or(u64::MAX));
            }
            _ => {}
        }
    }
    meaning
}
