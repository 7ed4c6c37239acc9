//! The .npy files of numpy, versions 1 and 2 (3 differs only in the header's encoding): a two-dimensional array in C
//! order, a vector a row; ids are a prefix and the row number from 0.

use std::io::{BufReader, Read};

use anyhow::{Context, bail};

use super::record::{InputRecord, Placed};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// How one component is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    F32,
    F64,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByteOrder {
    Little,
    Big,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    element: Element,
    order: ByteOrder,
    rows: u64,
    columns: usize,
}

impl Element {
    fn of(code: &str) -> Option<Self> {
        Some(match code {
            "f4" => Self::F32,
            "f8" => Self::F64,
            "i1" => Self::I8,
            "u1" => Self::U8,
            "i2" => Self::I16,
            "u2" => Self::U16,
            "i4" => Self::I32,
            "u4" => Self::U32,
            "i8" => Self::I64,
            "u8" => Self::U64,
            _ => return None,
        })
    }

    fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// Reads one component from its `size()` bytes, of which the least significant comes first.
    fn value(self, little: [u8; 8]) -> f32 {
        let bits = u64::from_le_bytes(little);
        match self {
            Self::F32 => f32::from_bits(bits as u32),
            Self::F64 => f64::from_bits(bits) as f32,
            Self::I8 => f32::from((bits as u8).cast_signed()),
            Self::U8 => f32::from(bits as u8),
            Self::I16 => f32::from((bits as u16).cast_signed()),
            Self::U16 => f32::from(bits as u16),
            Self::I32 => (bits as u32).cast_signed() as f32,
            Self::U32 => bits as u32 as f32,
            Self::I64 => bits.cast_signed() as f32,
            Self::U64 => bits as f32,
        }
    }
}

pub(super) fn read(
    source: Box<dyn Read + Send>,
    id_prefix: &str,
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Placed>> + Send + use<>> {
    let mut source = BufReader::with_capacity(1 << 16, source);
    let header = header(&mut source)?;
    let prefix = id_prefix.to_owned();
    let mut bytes = vec![0; header.columns * header.element.size()];
    Ok((0..header.rows).map(move |row| {
        source.read_exact(&mut bytes).with_context(|| {
            format!("the file ends in row {} of {}; it is cut short", row + 1, header.rows)
        })?;
        let vector = components(&bytes, header);
        let record = InputRecord {
            id: format!("{prefix}{row}"),
            vector: Some(vector),
            document: None,
            metadata: None,
        };
        Ok(Placed { place: row + 1, record })
    }))
}

fn components(bytes: &[u8], header: Header) -> Vec<f32> {
    let size = header.element.size();
    bytes
        .chunks_exact(size)
        .map(|chunk| {
            let mut little = [0; 8];
            little[..size].copy_from_slice(chunk);
            if header.order == ByteOrder::Big {
                little[..size].reverse();
            }
            header.element.value(little)
        })
        .collect()
}

fn header(source: &mut impl Read) -> anyhow::Result<Header> {
    let mut start = [0; 8];
    source.read_exact(&mut start).context("the file is too short for a .npy file")?;
    if &start[..6] != MAGIC {
        bail!("this is no .npy file: it doesn't begin with \\x93NUMPY");
    }
    let length = match start[6] {
        1 => {
            let mut length = [0; 2];
            source.read_exact(&mut length)?;
            u32::from(u16::from_le_bytes(length))
        }
        2 | 3 => {
            let mut length = [0; 4];
            source.read_exact(&mut length)?;
            u32::from_le_bytes(length)
        }
        other => bail!("a .npy file of version {other}; versions 1 to 3 are read"),
    };
    if length > 1 << 20 {
        bail!("a .npy header of {length} bytes; the file is damaged");
    }
    let mut text = vec![0; length as usize];
    source.read_exact(&mut text).context("the .npy header is cut short")?;
    parse(&String::from_utf8_lossy(&text))
}

/// Reads Python's `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
fn parse(text: &str) -> anyhow::Result<Header> {
    let after = |key: &str| -> anyhow::Result<&str> {
        let quoted = format!("'{key}':");
        let at = text.find(&quoted).with_context(|| format!("the .npy header has no {key}: {text:?}"))?;
        Ok(text[at + quoted.len()..].trim_start())
    };
    let descr = after("descr")?;
    let descr = descr.strip_prefix('\'').and_then(|rest| rest.split('\'').next());
    let Some(descr) = descr else { bail!("structured .npy arrays aren't read; expected one number type") };
    let (order, code) = match descr.split_at_checked(1) {
        Some(("<" | "|" | "=", code)) => (ByteOrder::Little, code),
        Some((">", code)) => (ByteOrder::Big, code),
        _ => bail!("unknown .npy type {descr:?}"),
    };
    let Some(element) = Element::of(code) else {
        bail!("unknown .npy type {descr:?}; expected float32, float64 or an integer of 8 to 64 bits")
    };
    if !after("fortran_order")?.starts_with("False") {
        bail!("the array is in Fortran order; save it with numpy.ascontiguousarray");
    }
    let shape = after("shape")?;
    let inner = shape.strip_prefix('(').and_then(|rest| rest.split(')').next()).unwrap_or("");
    let sizes: Vec<u64> = inner.split(',').filter_map(|part| part.trim().parse().ok()).collect();
    let [rows, columns] = sizes[..] else {
        bail!("expected a two-dimensional array (a vector a row), got the shape ({inner})")
    };
    if columns == 0 || columns > u64::from(lacuna_model::limits::MAX_DIMENSION) {
        bail!("vectors of {columns} components; 1 to {} are taken", lacuna_model::limits::MAX_DIMENSION);
    }
    Ok(Header { element, order, rows, columns: columns as usize })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(version: u8, descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut bytes = MAGIC.to_vec();
        bytes.extend([version, 0]);
        match version {
            1 => bytes.extend((text.len() as u16).to_le_bytes()),
            _ => bytes.extend((text.len() as u32).to_le_bytes()),
        }
        bytes.extend(text.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn vectors(bytes: Vec<u8>) -> Vec<Vec<f32>> {
        let rows = read(Box::new(std::io::Cursor::new(bytes)), "r-").unwrap();
        rows.map(|row| row.unwrap().record.vector.unwrap()).collect()
    }

    #[test]
    fn every_type_and_both_byte_orders_are_read() {
        assert_eq!(vectors(file(1, "|u1", "(2, 2)", &[1, 2, 3, 255])), [[1.0, 2.0], [3.0, 255.0]]);
        assert_eq!(vectors(file(2, "|i1", "(1, 2)", &[255, 1])), [[-1.0, 1.0]]);
        let f32s: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(vectors(file(1, "<f4", "(1, 2)", &f32s)), [[1.5, -2.0]]);
        let f64s: Vec<u8> = [1.5f64, -2.0].iter().flat_map(|x| x.to_be_bytes()).collect();
        assert_eq!(vectors(file(1, ">f8", "(2, 1)", &f64s)), [[1.5], [-2.0]]);
        let i16s: Vec<u8> = [-3i16].iter().flat_map(|x| x.to_be_bytes()).collect();
        assert_eq!(vectors(file(3, ">i2", "(1, 1)", &i16s)), [[-3.0]]);
    }

    #[test]
    fn ids_are_the_prefix_and_the_row() {
        let rows = read(Box::new(std::io::Cursor::new(file(1, "|u1", "(2, 1)", &[1, 2]))), "doc-").unwrap();
        let ids: Vec<String> = rows.map(|row| row.unwrap().record.id).collect();
        assert_eq!(ids, ["doc-0", "doc-1"]);
    }

    #[test]
    fn what_is_no_matrix_of_numbers_is_refused_with_a_reason() {
        let refused =
            |bytes: Vec<u8>| format!("{:#}", read(Box::new(std::io::Cursor::new(bytes)), "").err().unwrap());
        assert!(refused(file(1, "<f4", "(4,)", &[0; 16])).contains("two-dimensional"));
        assert!(refused(file(1, "<U4", "(1, 1)", &[0; 16])).contains("unknown .npy type"));
        assert!(refused(b"PK\x03\x04abcdefgh".to_vec()).contains("no .npy file"));
        let cut: Vec<_> =
            read(Box::new(std::io::Cursor::new(file(1, "<f4", "(1, 2)", &[0; 4]))), "").unwrap().collect();
        assert!(cut[0].as_ref().unwrap_err().to_string().contains("cut short"));
    }
}
