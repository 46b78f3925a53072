//! Frames of a socket: `EventCodec` under `FramedRead`, over anything that is `AsyncRead`.
//!
//! ```sh
//! cargo run --example tokio_codec
//! ```

use futures_util::StreamExt;
use thinkstream::{Decoder, Event, EventCodec, Protocol};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::FramedRead;

const REPLY: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","role":"assistant","content":[],"usage":{"input_tokens":12}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüße "}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"🎲\n"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}

event: message_stop
data: {"type":"message_stop"}

"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // Seven bytes at once: characters and escapes are cut.
    let server = async {
        let (mut socket, _) = listener.accept().await?;
        for piece in REPLY.as_bytes().chunks(7) {
            socket.write_all(piece).await?;
            socket.flush().await?;
        }
        socket.shutdown().await
    };
    let client = async {
        let socket = TcpStream::connect(address).await?;
        let mut events =
            FramedRead::new(socket, EventCodec::new(Decoder::new(Protocol::Anthropic)));
        while let Some(event) = events.next().await {
            match event? {
                Event::Token(token) => print!("{}", token.text),
                Event::Complete(done) => println!("{:?} tokens", done.usage().output_tokens),
                _ => {}
            }
        }
        Ok::<_, thinkstream::Error>(())
    };
    let (served, read) = tokio::join!(server, client);
    served?;
    read?;
    Ok(())
}
