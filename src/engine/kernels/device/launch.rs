//! Starting kernels on an NVIDIA GPU.

use candle_core::cuda::cudarc::driver::{DevicePtr, LaunchConfig, PushKernelArg, result, sys};
use candle_core::cuda::{CudaStorageSlice, WrapErr};
use candle_core::{CudaDevice, CudaStorage, Device, Error, Result, Storage, Tensor};

use super::call::{Call, Spread, THREADS};

const PTX: &str = include_str!(concat!(env!("OUT_DIR"), "/kernels.ptx"));

/// The GPU of that number, all work on one stream, in order.
///
/// # Errors
/// When there is none.
pub fn open(index: usize) -> Result<Device> {
    let device = Device::new_cuda_with_stream(index)?;
    if let Device::Cuda(cuda) = &device {
        // SAFETY: all tensors of this device are made, used and freed on its one stream.
        unsafe { cuda.disable_event_tracking() };
        keep_freed_memory(cuda)?;
    }
    Ok(device)
}

/// Memory that is freed stays with the process, for the next tensor: a step makes and frees thousands.
fn keep_freed_memory(device: &CudaDevice) -> Result<()> {
    let context = device.cuda_stream().context().clone();
    if !context.has_async_alloc() {
        return Ok(());
    }
    let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
    let mut most = u64::MAX;
    // SAFETY: the pool is the device's own, and the attribute is a u64.
    unsafe {
        let mut pool = std::mem::MaybeUninit::uninit();
        sys::cuDeviceGetDefaultMemPool(pool.as_mut_ptr(), context.cu_device()).result().w()?;
        result::mem_pool::set_attribute(pool.assume_init(), attribute, (&raw mut most).cast()).w()
    }
}

/// Starts a kernel; it writes every number of its output.
pub(super) fn launch(call: &Call, device: CudaDevice) -> Result<CudaStorage> {
    let guards: Vec<_> = call.inputs.iter().map(|t| t.storage_and_layout()).collect();
    let mut inputs = Vec::with_capacity(guards.len());
    for (storage, layout) in &guards {
        let Storage::Cuda(storage) = &**storage else {
            candle_core::bail!("the kernel {} was given tensors of several devices", call.name);
        };
        inputs.push(storage.as_cuda_slice::<f32>()?.slice(layout.start_offset()..));
    }
    // SAFETY: every number is written before it is read.
    let mut out = unsafe { device.alloc::<f32>(call.shape.elem_count())? };
    let sizes: Vec<i32> = call.sizes.iter().map(|&size| small(size)).collect::<Result<_>>()?;
    let config = config(call.spread)?;
    let function = device.get_or_load_custom_func(call.name, "difflab", PTX)?;
    let mut builder = function.builder();
    for input in &inputs {
        builder.arg(input);
    }
    builder.arg(&mut out);
    for size in &sizes {
        builder.arg(size);
    }
    for factor in call.factors {
        builder.arg(factor);
    }
    // SAFETY: the arguments are those of the kernel's parameters, and its tensors are as long as the sizes say.
    unsafe { builder.launch(config) }.w()?;
    drop(builder);
    Ok(CudaStorage { slice: CudaStorageSlice::F32(out), device })
}

fn small(size: usize) -> Result<i32> {
    i32::try_from(size).map_err(|_| Error::Msg(format!("a tensor of {size} numbers on one axis is too large")).bt())
}

fn config(spread: Spread) -> Result<LaunchConfig> {
    let of = |number: usize| Ok::<u32, Error>(small(number)? as u32);
    let (blocks, threads) = match spread {
        // The kernels count in 32 bits.
        Spread::Flat(total) if i32::try_from(total).is_err() => {
            candle_core::bail!("{total} numbers are more than a kernel takes: make the batch smaller")
        }
        Spread::Flat(total) => ((total.div_ceil(THREADS).max(1), 1), (THREADS, 1)),
        Spread::Blocks { blocks, threads } => (blocks, threads),
    };
    Ok(LaunchConfig {
        grid_dim: (of(blocks.0)?, of(blocks.1)?, 1),
        block_dim: (of(threads.0)?, of(threads.1)?, 1),
        shared_mem_bytes: 0,
    })
}

/// Blocks of threads for each parameter.
const BLOCKS: usize = 32;

/// Addresses of f32 tensors on a GPU, for kernels that go over many at once; 0 where a tensor isn't needed.
pub(super) struct Table {
    words: Vec<u64>,
    count: usize,
}

impl Table {
    /// A row for each slot: parameter, both moments, average, gradient, and how many numbers each has.
    pub fn new<'a>(slots: impl Iterator<Item = [Option<&'a Tensor>; 5]>) -> Result<Self> {
        let mut table = Self { words: Vec::new(), count: 0 };
        for slot in slots {
            let mut length = None;
            for tensor in slot {
                let Some(tensor) = tensor else {
                    table.words.push(0);
                    continue;
                };
                let count = tensor.elem_count();
                if !tensor.is_contiguous() || *length.get_or_insert(count) != count {
                    candle_core::bail!(
                        "an optimizer's step needs contiguous tensors of one shape, not {:?}",
                        tensor.layout()
                    );
                }
                table.words.push(address(tensor)?);
            }
            table.words.push(length.unwrap_or(0) as u64);
            table.count += 1;
        }
        Ok(table)
    }

    /// Starts `kernel` on all rows; where it has an output, that has [`BLOCKS`] numbers a row.
    pub fn launch(
        &self,
        kernel: &str,
        has_output: bool,
        factors: &[f32],
        device: &CudaDevice,
    ) -> Result<Option<CudaStorage>> {
        let words = device.clone_htod(&self.words)?;
        let mut out = if has_output { Some(device.alloc_zeros::<f32>(self.count * BLOCKS)?) } else { None };
        let config = config(Spread::Blocks { blocks: (BLOCKS, self.count), threads: (THREADS, 1) })?;
        let function = device.get_or_load_custom_func(kernel, "difflab", PTX)?;
        let mut builder = function.builder();
        builder.arg(&words);
        if let Some(out) = &mut out {
            builder.arg(out);
        }
        for factor in factors {
            builder.arg(factor);
        }
        // SAFETY: each row holds the addresses of tensors that live at least as long as the caller's borrow, and their length.
        unsafe { builder.launch(config) }.w()?;
        drop(builder);
        Ok(out.map(|out| CudaStorage { slice: CudaStorageSlice::F32(out), device: device.clone() }))
    }
}

/// Where a tensor's numbers begin.
fn address(tensor: &Tensor) -> Result<u64> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cuda(storage) = &*storage else {
        candle_core::bail!("an optimizer's step was given tensors of several devices");
    };
    let slice = storage.as_cuda_slice::<f32>()?;
    let stream = storage.device.cuda_stream();
    let (start, _guard) = slice.device_ptr(&stream);
    Ok(start + 4 * layout.start_offset() as u64)
}
