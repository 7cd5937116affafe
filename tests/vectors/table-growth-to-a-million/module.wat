(module (memory (export "memory") 1) (table $a 400000 funcref) (table $b 400000 funcref)
  (func (export "_start")
    ;; All tables together hold a million elements, and not one more.
    (if (i32.ne (table.grow $a (ref.null func) (i32.const 200001)) (i32.const -1)) (then unreachable))
    (if (i32.ne (table.grow $b (ref.null func) (i32.const 200000)) (i32.const 400000)) (then unreachable))
    (if (i32.ne (table.grow $a (ref.null func) (i32.const 1)) (i32.const -1)) (then unreachable))
    (if (i32.ne (table.grow $a (ref.null func) (i32.const 0)) (i32.const 400000)) (then unreachable))
    (table.fill $b (i32.const 599999) (ref.null func) (i32.const 1))))