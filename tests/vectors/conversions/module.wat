(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 16)
  (data (i32.const 1024) "\00\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\03\00\00\00\00\00\00\00\3f\00\00\00\00\00\00\00\40\00\00\00\00\00\00\00\80\00\00\00\00\00\00\00\00\80\00\00\00\00\00\00\00\00\00\80\00\00\00\00\ff\ff\ff\ff\00\00\00\00\ef\cd\ab\89\67\45\23\01\ff\ff\ff\ff\ff\ff\ff\7f\00\00\00\00\00\00\00\80\fe\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff")
  (type $t0 (func (param i64 i64) (result i32)))
  (data (i32.const 1136) "\00\00\00\00\01\00\00\00\02\00\00\00\07\00\00\00\1f\00\00\00\20\00\00\00\7f\00\00\00\80\00\00\00\ff\ff\00\00\00\80\00\00\ff\ff\ff\7f\00\00\00\80\fe\ff\ff\ff\ff\ff\ff\ff")
  (type $t1 (func (param i32 i32) (result i64)))
  (data (i32.const 1200) "\00\00\00\00\00\00\00\80\01\00\00\00\01\00\00\80\ff\ff\7f\00\00\00\80\00\00\00\80\80\00\00\80\3f\00\00\80\bf\00\00\00\3f\00\00\c0\3f\00\00\20\c0\cd\cc\cc\3d\ab\aa\aa\3e\01\00\80\4b\ff\ff\7f\7f\ff\ff\7f\ff\00\00\80\7f\00\00\80\ff\00\00\c0\7f\00\00\c0\ff\01\00\80\7f\45\23\e1\ff")
  (type $t2 (func (param f32 f32) (result i32)))
  (data (i32.const 1296) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\80\01\00\00\00\00\00\00\00\01\00\00\00\00\00\00\80\ff\ff\ff\ff\ff\ff\0f\00\00\00\00\00\00\00\10\00\00\00\00\00\00\00\10\80\00\00\00\00\00\00\f0\3f\00\00\00\00\00\00\f0\bf\00\00\00\00\00\00\e0\3f\00\00\00\00\00\00\f8\3f\00\00\00\00\00\00\04\c0\9a\99\99\99\99\99\b9\3f\55\55\55\55\55\55\d5\3f\01\00\00\00\00\00\40\43\ff\ff\ff\ff\ff\ff\ef\7f\ff\ff\ff\ff\ff\ff\ef\ff\00\00\00\00\00\00\f0\7f\00\00\00\00\00\00\f0\ff\00\00\00\00\00\00\f8\7f\00\00\00\00\00\00\f8\ff\01\00\00\00\00\00\f0\7f\bc\9a\78\56\34\12\f8\ff")
  (type $t3 (func (param f64 f64) (result i32)))
  (data (i32.const 1488) "\00\00\00\00\00\00\00\80\01\00\00\00\01\00\00\80\ff\ff\7f\00\00\00\80\00\00\00\80\80\00\00\80\3f\00\00\80\bf\00\00\00\3f\00\00\c0\3f\00\00\20\c0\cd\cc\cc\3d\ab\aa\aa\3e\01\00\80\4b\ff\ff\7f\7f\ff\ff\7f\ff\00\00\80\7f\00\00\80\ff\00\00\c0\7f\00\00\c0\ff\01\00\80\7f\45\23\e1\ff")
  (type $t4 (func (param f32 f32) (result i64)))
  (data (i32.const 1584) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\80\01\00\00\00\00\00\00\00\01\00\00\00\00\00\00\80\ff\ff\ff\ff\ff\ff\0f\00\00\00\00\00\00\00\10\00\00\00\00\00\00\00\10\80\00\00\00\00\00\00\f0\3f\00\00\00\00\00\00\f0\bf\00\00\00\00\00\00\e0\3f\00\00\00\00\00\00\f8\3f\00\00\00\00\00\00\04\c0\9a\99\99\99\99\99\b9\3f\55\55\55\55\55\55\d5\3f\01\00\00\00\00\00\40\43\ff\ff\ff\ff\ff\ff\ef\7f\ff\ff\ff\ff\ff\ff\ef\ff\00\00\00\00\00\00\f0\7f\00\00\00\00\00\00\f0\ff\00\00\00\00\00\00\f8\7f\00\00\00\00\00\00\f8\ff\01\00\00\00\00\00\f0\7f\bc\9a\78\56\34\12\f8\ff")
  (type $t5 (func (param f64 f64) (result i64)))
  (data (i32.const 1776) "\00\00\00\00\01\00\00\00\02\00\00\00\07\00\00\00\1f\00\00\00\20\00\00\00\7f\00\00\00\80\00\00\00\ff\ff\00\00\00\80\00\00\ff\ff\ff\7f\00\00\00\80\fe\ff\ff\ff\ff\ff\ff\ff")
  (type $t6 (func (param i32 i32) (result f32)))
  (data (i32.const 1840) "\00\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\03\00\00\00\00\00\00\00\3f\00\00\00\00\00\00\00\40\00\00\00\00\00\00\00\80\00\00\00\00\00\00\00\00\80\00\00\00\00\00\00\00\00\00\80\00\00\00\00\ff\ff\ff\ff\00\00\00\00\ef\cd\ab\89\67\45\23\01\ff\ff\ff\ff\ff\ff\ff\7f\00\00\00\00\00\00\00\80\fe\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff")
  (type $t7 (func (param i64 i64) (result f32)))
  (data (i32.const 1952) "\00\00\00\00\01\00\00\00\02\00\00\00\07\00\00\00\1f\00\00\00\20\00\00\00\7f\00\00\00\80\00\00\00\ff\ff\00\00\00\80\00\00\ff\ff\ff\7f\00\00\00\80\fe\ff\ff\ff\ff\ff\ff\ff")
  (type $t8 (func (param i32 i32) (result f64)))
  (data (i32.const 2016) "\00\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\03\00\00\00\00\00\00\00\3f\00\00\00\00\00\00\00\40\00\00\00\00\00\00\00\80\00\00\00\00\00\00\00\00\80\00\00\00\00\00\00\00\00\00\80\00\00\00\00\ff\ff\ff\ff\00\00\00\00\ef\cd\ab\89\67\45\23\01\ff\ff\ff\ff\ff\ff\ff\7f\00\00\00\00\00\00\00\80\fe\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff")
  (type $t9 (func (param i64 i64) (result f64)))
  (data (i32.const 2128) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\80\01\00\00\00\00\00\00\00\01\00\00\00\00\00\00\80\ff\ff\ff\ff\ff\ff\0f\00\00\00\00\00\00\00\10\00\00\00\00\00\00\00\10\80\00\00\00\00\00\00\f0\3f\00\00\00\00\00\00\f0\bf\00\00\00\00\00\00\e0\3f\00\00\00\00\00\00\f8\3f\00\00\00\00\00\00\04\c0\9a\99\99\99\99\99\b9\3f\55\55\55\55\55\55\d5\3f\01\00\00\00\00\00\40\43\ff\ff\ff\ff\ff\ff\ef\7f\ff\ff\ff\ff\ff\ff\ef\ff\00\00\00\00\00\00\f0\7f\00\00\00\00\00\00\f0\ff\00\00\00\00\00\00\f8\7f\00\00\00\00\00\00\f8\ff\01\00\00\00\00\00\f0\7f\bc\9a\78\56\34\12\f8\ff")
  (type $t10 (func (param f64 f64) (result f32)))
  (data (i32.const 2320) "\00\00\00\00\00\00\00\80\01\00\00\00\01\00\00\80\ff\ff\7f\00\00\00\80\00\00\00\80\80\00\00\80\3f\00\00\80\bf\00\00\00\3f\00\00\c0\3f\00\00\20\c0\cd\cc\cc\3d\ab\aa\aa\3e\01\00\80\4b\ff\ff\7f\7f\ff\ff\7f\ff\00\00\80\7f\00\00\80\ff\00\00\c0\7f\00\00\c0\ff\01\00\80\7f\45\23\e1\ff")
  (type $t11 (func (param f32 f32) (result f64)))
  (data (i32.const 2416) "\00\00\00\00\00\00\00\80\66\66\66\3f\66\66\66\bf\00\00\c0\3f\00\00\c0\bf\ff\ff\ff\4e\00\00\00\cf")
  (type $t12 (func (param f32 f32) (result i32)))
  (data (i32.const 2448) "\00\00\00\00\00\00\00\80\66\66\66\3f\66\66\66\bf\00\00\c0\3f\ff\ff\7f\4f")
  (type $t13 (func (param f32 f32) (result i32)))
  (data (i32.const 2480) "\00\00\00\3f\00\00\00\bf\ff\ff\ff\5e\00\00\00\df")
  (type $t14 (func (param f32 f32) (result i64)))
  (data (i32.const 2496) "\00\00\00\3f\66\66\66\bf\ff\ff\7f\5f")
  (type $t15 (func (param f32 f32) (result i64)))
  (data (i32.const 2512) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\80\cd\cc\cc\cc\cc\cc\ec\3f\cd\cc\cc\cc\cc\cc\ec\bf\9a\99\f9\ff\ff\ff\df\41\cd\cc\1c\00\00\00\e0\c1")
  (type $t16 (func (param f64 f64) (result i32)))
  (data (i32.const 2560) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\80\cd\cc\cc\cc\cc\cc\ec\3f\cd\cc\cc\cc\cc\cc\ec\bf\cd\cc\fc\ff\ff\ff\ef\41")
  (type $t17 (func (param f64 f64) (result i32)))
  (data (i32.const 2608) "\00\00\00\00\00\00\e0\3f\00\00\00\00\00\00\e0\bf\ff\ff\ff\ff\ff\ff\df\43\00\00\00\00\00\00\e0\c3")
  (type $t18 (func (param f64 f64) (result i64)))
  (data (i32.const 2640) "\00\00\00\00\00\00\e0\3f\cd\cc\cc\cc\cc\cc\ec\bf\ff\ff\ff\ff\ff\ff\ef\43")
  (type $t19 (func (param f64 f64) (result i64)))
  (func $f0 (type $t0) (i32.wrap_i64 (local.get 0)))
  (func $f1 (type $t1) (i64.extend_i32_s (local.get 0)))
  (func $f2 (type $t1) (i64.extend_i32_u (local.get 0)))
  (func $f3 (type $t2) (i32.trunc_sat_f32_s (local.get 0)))
  (func $f4 (type $t2) (i32.trunc_sat_f32_u (local.get 0)))
  (func $f5 (type $t2) (i32.reinterpret_f32 (local.get 0)))
  (func $f6 (type $t3) (i32.trunc_sat_f64_s (local.get 0)))
  (func $f7 (type $t3) (i32.trunc_sat_f64_u (local.get 0)))
  (func $f8 (type $t4) (i64.trunc_sat_f32_s (local.get 0)))
  (func $f9 (type $t4) (i64.trunc_sat_f32_u (local.get 0)))
  (func $f10 (type $t5) (i64.trunc_sat_f64_s (local.get 0)))
  (func $f11 (type $t5) (i64.trunc_sat_f64_u (local.get 0)))
  (func $f12 (type $t5) (i64.reinterpret_f64 (local.get 0)))
  (func $f13 (type $t6) (f32.convert_i32_s (local.get 0)))
  (func $f14 (type $t6) (f32.convert_i32_u (local.get 0)))
  (func $f15 (type $t6) (f32.reinterpret_i32 (local.get 0)))
  (func $f16 (type $t7) (f32.convert_i64_s (local.get 0)))
  (func $f17 (type $t7) (f32.convert_i64_u (local.get 0)))
  (func $f18 (type $t8) (f64.convert_i32_s (local.get 0)))
  (func $f19 (type $t8) (f64.convert_i32_u (local.get 0)))
  (func $f20 (type $t9) (f64.convert_i64_s (local.get 0)))
  (func $f21 (type $t9) (f64.convert_i64_u (local.get 0)))
  (func $f22 (type $t9) (f64.reinterpret_i64 (local.get 0)))
  (func $f23 (type $t10) (f32.demote_f64 (local.get 0)))
  (func $f24 (type $t11) (f64.promote_f32 (local.get 0)))
  (func $f25 (type $t12) (i32.trunc_f32_s (local.get 0)))
  (func $f26 (type $t13) (i32.trunc_f32_u (local.get 0)))
  (func $f27 (type $t14) (i64.trunc_f32_s (local.get 0)))
  (func $f28 (type $t15) (i64.trunc_f32_u (local.get 0)))
  (func $f29 (type $t16) (i32.trunc_f64_s (local.get 0)))
  (func $f30 (type $t17) (i32.trunc_f64_u (local.get 0)))
  (func $f31 (type $t18) (i64.trunc_f64_s (local.get 0)))
  (func $f32 (type $t19) (i64.trunc_f64_u (local.get 0)))
  (table funcref (elem $f0 $f1 $f2 $f3 $f4 $f5 $f6 $f7 $f8 $f9 $f10 $f11 $f12 $f13 $f14 $f15 $f16 $f17 $f18 $f19 $f20 $f21 $f22 $f23 $f24 $f25 $f26 $f27 $f28 $f29 $f30 $f31 $f32))
  (func (export "_start") (local $op i32) (local $a i32) (local $b i32) (local $out i32)
    (local.set $out (i32.const 16384))
    (local.set $op (i32.const 0))
    (loop $ops
      (local.set $a (i32.const 1024))
      (loop $as
        (local.set $b (i32.const 1024))
        (loop $bs
          (i32.store (local.get $out) (call_indirect (type $t0) (i64.load (local.get $a)) (i64.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 4)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 8))) (i32.const 1032))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 8))) (i32.const 1136))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 1))))
    (local.set $op (i32.const 1))
    (loop $ops
      (local.set $a (i32.const 1136))
      (loop $as
        (local.set $b (i32.const 1136))
        (loop $bs
          (i64.store (local.get $out) (call_indirect (type $t1) (i32.load (local.get $a)) (i32.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 8)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 4))) (i32.const 1140))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 4))) (i32.const 1192))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 3))))
    (local.set $op (i32.const 3))
    (loop $ops
      (local.set $a (i32.const 1200))
      (loop $as
        (local.set $b (i32.const 1200))
        (loop $bs
          (i32.store (local.get $out) (call_indirect (type $t2) (f32.load (local.get $a)) (f32.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 4)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 4))) (i32.const 1204))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 4))) (i32.const 1292))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 6))))
    (local.set $op (i32.const 6))
    (loop $ops
      (local.set $a (i32.const 1296))
      (loop $as
        (local.set $b (i32.const 1296))
        (loop $bs
          (i32.store (local.get $out) (call_indirect (type $t3) (f64.load (local.get $a)) (f64.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 4)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 8))) (i32.const 1304))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 8))) (i32.const 1480))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 8))))
    (local.set $op (i32.const 8))
    (loop $ops
      (local.set $a (i32.const 1488))
      (loop $as
        (local.set $b (i32.const 1488))
        (loop $bs
          (i64.store (local.get $out) (call_indirect (type $t4) (f32.load (local.get $a)) (f32.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 8)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 4))) (i32.const 1492))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 4))) (i32.const 1580))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 10))))
    (local.set $op (i32.const 10))
    (loop $ops
      (local.set $a (i32.const 1584))
      (loop $as
        (local.set $b (i32.const 1584))
        (loop $bs
          (i64.store (local.get $out) (call_indirect (type $t5) (f64.load (local.get $a)) (f64.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 8)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 8))) (i32.const 1592))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 8))) (i32.const 1768))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 13))))
    (local.set $op (i32.const 13))
    (loop $ops
      (local.set $a (i32.const 1776))
      (loop $as
        (local.set $b (i32.const 1776))
        (loop $bs
          (f32.store (local.get $out) (call_indirect (type $t6) (i32.load (local.get $a)) (i32.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 4)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 4))) (i32.const 1780))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 4))) (i32.const 1832))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 16))))
    (local.set $op (i32.const 16))
    (loop $ops
      (local.set $a (i32.const 1840))
      (loop $as
        (local.set $b (i32.const 1840))
        (loop $bs
          (f32.store (local.get $out) (call_indirect (type $t7) (i64.load (local.get $a)) (i64.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 4)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 8))) (i32.const 1848))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 8))) (i32.const 1952))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 18))))
    (local.set $op (i32.const 18))
    (loop $ops
      (local.set $a (i32.const 1952))
      (loop $as
        (local.set $b (i32.const 1952))
        (loop $bs
          (f64.store (local.get $out) (call_indirect (type $t8) (i32.load (local.get $a)) (i32.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 8)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 4))) (i32.const 1956))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 4))) (i32.const 2008))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 20))))
    (local.set $op (i32.const 20))
    (loop $ops
      (local.set $a (i32.const 2016))
      (loop $as
        (local.set $b (i32.const 2016))
        (loop $bs
          (f64.store (local.get $out) (call_indirect (type $t9) (i64.load (local.get $a)) (i64.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 8)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 8))) (i32.const 2024))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 8))) (i32.const 2128))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 23))))
    (local.set $op (i32.const 23))
    (loop $ops
      (local.set $a (i32.const 2128))
      (loop $as
        (local.set $b (i32.const 2128))
        (loop $bs
          (f32.store (local.get $out) (call_indirect (type $t10) (f64.load (local.get $a)) (f64.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 4)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 8))) (i32.const 2136))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 8))) (i32.const 2312))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 24))))
    (local.set $op (i32.const 24))
    (loop $ops
      (local.set $a (i32.const 2320))
      (loop $as
        (local.set $b (i32.const 2320))
        (loop $bs
          (f64.store (local.get $out) (call_indirect (type $t11) (f32.load (local.get $a)) (f32.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 8)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 4))) (i32.const 2324))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 4))) (i32.const 2412))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 25))))
    (local.set $op (i32.const 25))
    (loop $ops
      (local.set $a (i32.const 2416))
      (loop $as
        (local.set $b (i32.const 2416))
        (loop $bs
          (i32.store (local.get $out) (call_indirect (type $t12) (f32.load (local.get $a)) (f32.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 4)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 4))) (i32.const 2420))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 4))) (i32.const 2448))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 26))))
    (local.set $op (i32.const 26))
    (loop $ops
      (local.set $a (i32.const 2448))
      (loop $as
        (local.set $b (i32.const 2448))
        (loop $bs
          (i32.store (local.get $out) (call_indirect (type $t13) (f32.load (local.get $a)) (f32.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 4)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 4))) (i32.const 2452))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 4))) (i32.const 2472))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 27))))
    (local.set $op (i32.const 27))
    (loop $ops
      (local.set $a (i32.const 2480))
      (loop $as
        (local.set $b (i32.const 2480))
        (loop $bs
          (i64.store (local.get $out) (call_indirect (type $t14) (f32.load (local.get $a)) (f32.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 8)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 4))) (i32.const 2484))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 4))) (i32.const 2496))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 28))))
    (local.set $op (i32.const 28))
    (loop $ops
      (local.set $a (i32.const 2496))
      (loop $as
        (local.set $b (i32.const 2496))
        (loop $bs
          (i64.store (local.get $out) (call_indirect (type $t15) (f32.load (local.get $a)) (f32.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 8)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 4))) (i32.const 2500))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 4))) (i32.const 2508))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 29))))
    (local.set $op (i32.const 29))
    (loop $ops
      (local.set $a (i32.const 2512))
      (loop $as
        (local.set $b (i32.const 2512))
        (loop $bs
          (i32.store (local.get $out) (call_indirect (type $t16) (f64.load (local.get $a)) (f64.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 4)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 8))) (i32.const 2520))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 8))) (i32.const 2560))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 30))))
    (local.set $op (i32.const 30))
    (loop $ops
      (local.set $a (i32.const 2560))
      (loop $as
        (local.set $b (i32.const 2560))
        (loop $bs
          (i32.store (local.get $out) (call_indirect (type $t17) (f64.load (local.get $a)) (f64.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 4)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 8))) (i32.const 2568))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 8))) (i32.const 2600))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 31))))
    (local.set $op (i32.const 31))
    (loop $ops
      (local.set $a (i32.const 2608))
      (loop $as
        (local.set $b (i32.const 2608))
        (loop $bs
          (i64.store (local.get $out) (call_indirect (type $t18) (f64.load (local.get $a)) (f64.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 8)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 8))) (i32.const 2616))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 8))) (i32.const 2640))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 32))))
    (local.set $op (i32.const 32))
    (loop $ops
      (local.set $a (i32.const 2640))
      (loop $as
        (local.set $b (i32.const 2640))
        (loop $bs
          (i64.store (local.get $out) (call_indirect (type $t19) (f64.load (local.get $a)) (f64.load (local.get $b)) (local.get $op)))
          (local.set $out (i32.add (local.get $out) (i32.const 8)))
          (br_if $bs (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 8))) (i32.const 2648))))
        (br_if $as (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 8))) (i32.const 2664))))
      (br_if $ops (i32.lt_u (local.tee $op (i32.add (local.get $op) (i32.const 1))) (i32.const 33))))
    (i32.store (i32.const 0) (i32.const 16384))
    (i32.store (i32.const 4) (i32.sub (local.get $out) (i32.const 16384)))
    (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable)))
)
