"""What details and names of kernels tell; the names are those of public traces and logs."""

from __future__ import annotations

import pytest

from alexprof.attribute.kernels import kernel_facts, uses_tensor_cores


def launched(grid, block, shared_memory_bytes, **facts):
    return {"grid": grid, "block": block, "shared_memory_bytes": shared_memory_bytes, **facts}


@pytest.mark.parametrize(
    ("details", "facts"),
    [
        (
            "regs:32 static_shared:16 dynamic_shared:4096 grid:160,1,1 block:256,1,1 occ_pct:62.5",
            launched((160, 1, 1), (256, 1, 1), 4112, registers=32, occupancy=0.625),
        ),
        (
            "regs:38 shm:0 grid:160,2,1 block:1024,1,1",
            launched((160, 2, 1), (1024, 1, 1), 0, registers=38),
        ),
        (
            " grid:16,32,1 block:256,1,1 private_mem:0 group_mem:33792 occ_pct:0",
            launched((16, 32, 1), (256, 1, 1), 33792),
        ),
        # Seen in an old trace: not written by anyone.
        ("regs:17179869185 shm:7 grid:1,210453397508,0 block:139910371608800,96,1", {}),
        (
            "kind_src:device kind_dst:pinned size:4096 dest:0 async:1",
            {"copied_bytes": 4096, "copied_from": "device", "copied_to": "pinned"},
        ),
        ("size:4 dest:6 async:1", {"copied_bytes": 4}),
        ("kind:device num_bytes:77 async:1", {"copied_bytes": 77}),
        ("", {}),
        ("grid:1,1 block:x regs:-1 occ_pct:nan size:1e9", {}),
        ("regs:" + "9" * 400, {}),
    ],
)
def test_details_of_launches_and_copies(details, facts):
    assert kernel_facts(details) == facts


TENSOR_CORES = {
    True: [
        "nvjet_hsh_128x256_64x4_2x1_v_bz_coopA_TNN",
        "nvjet_sm90_hss_320x128",
        "sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize128x128x64_warpgroupsize1x1x1_execute",
        "sm90_xmma_fprop_implicit_gemm_f16f16_f16f32_f32_nhwckrsc_nhwc_tilesize128x128x64",
        "sm90_xmma_gemm_e4m3bf16_e4m3f32_f32_tn_n",
        "sm80_xmma_fprop_implicit_gemm_tf32f32_tf32f32_f32_nhwckrsc_nhwc",
        "ampere_fp16_s16816gemm_fp16_128x64_ldg8_f2f_stages_64x3_tn",
        "volta_fp16_s884gemm_fp16_64x64_ldg8_f2f_tn",
        "turing_h1688gemm_128x128_ldg8_tn",
        "volta_fp16_scudnn_fp16_h884cudnn_256x64_ldg8_relu",
        "sm80_xmma_gemm_f64f64_f64f64_f64_nn_n_tilesize128x128x16_stage3_tensor8x8x4_kernel",
        "cutlass_80_tensorop_s1688gemm_128x128_16x5_nn_align4",
        "cudnn_generated_fort_native_sdpa_sm90_flash_fprop_wgmma_f16_knob_7",
        "Cijk_Ailk_Bljk_SB_MT64x64x16_MI16x16x4x1_SN_1LDSB0",
    ],
    False: [
        "sm80_xmma_gemm_f32f32_f32f32_f32_tn_n_tilesize32x32x8_stage3_warpsize1x2x1_ffma",
        "ampere_sgemm_128x64_nn",
        "volta_gcgemm_64x32_nt",
        "cutlass_80_simt_sgemm_128x128_8x4_nn_align1",
        "implicit_convolve_sgemm",
        "loop_convert_fusion",
        "loop_add_fusion_1688",
        "fusion_884",
        "void cudnn::ops::nchwToNhwcKernel<float>",
        "void tensorflow::functor::comma_summary<float>",
        "MemcpyH2D",
        "void Eigen::internal::EigenMetaKernel<TensorConversionOp<float, Eigen::half>>",
        "",
    ],
    # Names that leave it open.
    None: ["gemm_fusion_dot_general_1", "void flash::flash_fwd_kernel<float>", "dgrad_engine"],
}


@pytest.mark.parametrize(
    ("name", "uses"), [(name, uses) for uses, names in TENSOR_CORES.items() for name in names]
)
def test_kernels_on_tensor_cores(name, uses):
    assert uses_tensor_cores(name) is uses
